package adaptertest

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// dirVariable makes the test binary one of the server processes of RunProcesses.
const dirVariable = "TESTS_ADAPTERTEST_DIR"

// RunProcesses is for storages that several processes may share. It runs the adapter's application in two processes on
// one directory. It checks that requests of one session which reach both at the same time lose nothing, and that a
// logout in one is final in the other. It starts the test binary again, so the test that calls it must do nothing
// else before.
func RunProcesses(t *testing.T, a Adapter, open func(tb testing.TB, dir string) driver.Store) {
	if dir := os.Getenv(dirVariable); dir != "" {
		serveProcess(t, a, open(t, dir))
		return
	}
	p := &processes{TB: t}
	dir := t.TempDir()
	for range 2 {
		p.urls = append(p.urls, p.start(dir))
	}
	p.overlap()
	p.logoutInFlight()
}

// serveProcess runs a server process, until its standard input ends.
func serveProcess(t *testing.T, a Adapter, store driver.Store) {
	m, err := core.New(core.Config{Store: store, StoreTimeout: 30 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	asked, release := make(chan bool), make(chan bool)
	handle := func(change func(Ctx, *core.Session) error) Handler {
		return func(c Ctx) error {
			s, err := c.Session()
			if err == nil {
				err = change(c, s)
			}
			if err != nil {
				return c.String(http.StatusInternalServerError, err.Error())
			}
			return c.String(http.StatusOK, fmt.Sprint(s.Len(), count.GetOr(s, -1)))
		}
	}
	url := a.Serve(t, m, Options{}, map[string]Handler{
		"/look":   handle(func(Ctx, *core.Session) error { return nil }),
		"/logout": handle(func(_ Ctx, s *core.Session) error { return s.Logout() }),
		"/add":    handle(func(c Ctx, s *core.Session) error { time.Sleep(5 * time.Millisecond); return add(c, s) }),
		"/slow": handle(func(c Ctx, s *core.Session) error {
			asked <- true
			<-release
			return add(c, s)
		}),
		"/asked":   func(c Ctx) error { <-asked; return c.String(http.StatusOK, "") },
		"/release": func(c Ctx) error { release <- true; return c.String(http.StatusOK, "") },
	})
	fmt.Println("serving", url)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// add sets a key and counts.
func add(c Ctx, s *core.Session) error {
	err := core.Key[int]("key"+strings.Clone(c.Header("X-N"))).Set(s, 1)
	if err == nil {
		err = count.Update(s, func(n int) int { return n + 1 })
	}
	return err
}

// processes holds the server processes, in the test that started them.
type processes struct {
	testing.TB
	urls []string
}

// start starts a server process and returns its URL.
func (p *processes) start(dir string) string {
	p.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+p.Name()+"$", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), dirVariable+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		p.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		in.Close()
		timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		if err := cmd.Wait(); err != nil {
			p.Errorf("server process: %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "serving "); ok {
			go io.Copy(io.Discard, out)
			return url
		}
	}
	p.Fatal("the server process ended before it served")
	return ""
}

// overlap sends 64 requests to both processes at the same time. Each sets a key of its own and adds one to the counter.
func (p *processes) overlap() {
	_, cookie := p.get(0, "/add", "", "base")
	var wg sync.WaitGroup
	for i := range overlapping {
		wg.Go(func() { p.get(i%2, "/add", cookie, itoa(i)) })
	}
	wg.Wait()
	for i := range p.urls {
		want := fmt.Sprint(overlapping+2, overlapping+1) // the base, 64 keys and the counter
		if got, _ := p.get(i, "/look", cookie, ""); got != want {
			p.Errorf("process %d sees (keys count) %s, want %s", i, got, want)
		}
	}
}

// logoutInFlight ends the session in one process while the other handles a request of it.
func (p *processes) logoutInFlight() {
	_, cookie := p.get(0, "/add", "", "base")
	slow := make(chan *http.Response, 1)
	go func() { _, res := p.send(0, "/slow", cookie, "slow"); slow <- res }()
	p.get(0, "/asked", "", "") // now it has loaded its session
	p.get(1, "/logout", cookie, "")
	p.get(0, "/release", "", "")
	if res := <-slow; res != nil && (res.StatusCode != http.StatusConflict || res.Header.Get("Set-Cookie") != "") {
		p.Errorf("the slow response is %s with Set-Cookie %q, want 409 and no Set-Cookie", res.Status, res.Header["Set-Cookie"])
	}
	for i := range p.urls {
		if got, _ := p.get(i, "/look", cookie, ""); got != "0 -1" {
			p.Errorf("process %d brings the session back: (keys count) %s", i, got)
		}
	}
}

// get sends a request to one of the processes, and returns the body and the name=value of the cookie that
// came back.
func (p *processes) get(i int, path, cookie, n string) (body, set string) {
	body, res := p.send(i, path, cookie, n)
	if res == nil {
		return "", ""
	}
	if res.StatusCode != http.StatusOK {
		p.Errorf("%s: %s, %s", path, res.Status, body)
	}
	set, _, _ = strings.Cut(res.Header.Get("Set-Cookie"), ";")
	return body, set
}

// send is get without the check of the status. The response is nil if there was none.
func (p *processes) send(i int, path, cookie, n string) (string, *http.Response) {
	req, err := http.NewRequest("GET", p.urls[i]+path, nil)
	if err != nil {
		p.Error(err)
		return "", nil
	}
	req.Header.Set("X-N", n)
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.Error(err)
		return "", nil
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		p.Errorf("%s: %v", path, err)
	}
	return string(data), res
}
