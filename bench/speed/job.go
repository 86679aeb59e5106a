package speed

import (
	"fmt"
	"runtime"

	"github.com/coatcheck-go/coatcheck/bench/peer"
)

// cases are what is asked of each App.
var cases = []struct {
	name, path string
	cookie     bool
}{
	{"A", peer.Untouched, false},
	{"B", peer.Untouched, true},
	{"C", peer.Read, true},
	{"D", peer.Write, true},
	{"E", peer.New, false},
	{"F", peer.Read, true}, // in parallel
}

// maxNew is how many sessions case E makes before its store begins anew.
const maxNew = 50_000

// A target is one App under measurement.
type target struct {
	app   peer.App
	open  func(peer.App) (peer.Env, func(), error)
	stops []func()
}

// start runs another instance of the App. stop ends it and removes its records.
func (t *target) start() (r *peer.Running, stop func(), err error) {
	env, remove, err := t.open(t.app)
	if err != nil {
		return nil, nil, err
	}
	if r, err = t.app.New(env); err != nil {
		remove()
		return nil, nil, err
	}
	return r, func() { r.Close(); remove() }, nil
}

func (t *target) close() {
	for _, stop := range t.stops {
		stop()
	}
}

// embedded tells stores that this process can empty by making them anew.
func (t *target) embedded() bool {
	switch t.app.Store {
	case "memory", "cookie", "file":
		return true
	}
	return false
}

// jobs starts the App and returns its cases, each tried once.
func (t *target) jobs() ([]*job, error) {
	r, stop, err := t.start()
	if err != nil {
		return nil, err
	}
	t.stops = append(t.stops, stop)
	cookie := "session=c2Vzc2lvbnMgYXJlIG5vdCBrbm93biB0byBhIGJhcmU" // what a bare framework is sent
	if t.app.Library != "" {
		fill := r.Caller(peer.Fill, "")
		fill.Call()
		cookie = fill.Cookie(cookie)
		if fill.Status() != 200 || fill.Cookie("") == "" && t.app.Library != "raw" {
			return nil, fmt.Errorf("%s answers %d %q and Set-Cookie %q", peer.Fill, fill.Status(), fill.Body(), fill.Header("Set-Cookie"))
		}
	}
	var jobs []*job
	for _, c := range cases {
		if t.app.Library == "raw" && c.path == peer.Untouched {
			continue
		}
		j := &job{target: t, name: c.name, path: c.path}
		if c.cookie {
			j.cookie = cookie
		}
		if c.name == "E" && t.embedded() {
			if err := j.renew(); err != nil { // a store of its own
				return nil, err
			}
			t.stops = append(t.stops, func() { j.stop() })
		} else {
			j.use(r)
		}
		if err := j.try(); err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// A job is one case of one App.
type job struct {
	*target
	name, path, cookie string

	callers []*peer.Caller // one, but for case F
	made    int            // by case E, in this store
	stop    func()         // its store, if that is its own

	times         []float64 // ns for each request, of each batch
	bytes, allocs float64
}

func (j *job) use(r *peer.Running) {
	n := 1
	if j.name == "F" {
		n = runtime.GOMAXPROCS(0)
	}
	j.callers = nil
	for range n {
		j.callers = append(j.callers, r.Caller(j.path, j.cookie))
	}
}

// renew gives case E a new store when its own has grown, so that memory stays bounded.
func (j *job) renew() error {
	if j.name != "E" || !j.embedded() || j.callers != nil && j.made < maxNew {
		return nil
	}
	if j.stop != nil {
		j.stop()
		j.stop = func() {}
	}
	r, stop, err := j.start()
	if err != nil {
		return err
	}
	j.stop, j.made = stop, 0
	j.use(r)
	return nil
}

// try sends one request and looks at the answer.
func (j *job) try() error {
	c := j.callers[0]
	c.Call()
	want := map[string]string{"C": "1", "D": "2", "E": "1", "F": "2"}[j.name] // D has written before F
	switch {
	case c.Status() != 200:
		return fmt.Errorf("%s answers %d %q", j.path, c.Status(), c.Body())
	case j.app.Library == "" || want == "":
		return nil
	case j.name == "F" && (j.app.Store == "cookie" || j.app.Library == "raw"): // D has left no trace
		return nil
	case c.Body() != want:
		return fmt.Errorf("case %s: %s answers %q, want %q", j.name, j.path, c.Body(), want)
	case j.name == "E" && c.Cookie("") == "" && j.app.Library != "raw":
		return fmt.Errorf("%s sets no cookie", j.path)
	}
	return nil
}
