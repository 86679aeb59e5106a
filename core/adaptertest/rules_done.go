package adaptertest

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about streams and sockets that follow their session: Session.Refresh and Session.Done.

var doneRules = []rule{
	{
		name:  "Refresh in a stream",
		text:  "Given a stream, when another request changes the session, then Refresh shows that, with the stream's own change on top; when another request ends the session, then Refresh returns ErrEnded, and so does every later call.",
		needs: []need{needRecords},
		run:   refreshInStream,
	},
	{
		name: "Done in a stream",
		text: "Given streams that follow their session, when other requests only read or write it, then the streams go on; when it is ended or rotated at another server, then they end, and Refresh returns ErrEnded.",
		run: func(e *env) {
			followed(e, func(c Ctx, f *following) error {
				s, id := e.session(c), strings.Clone(c.Header("X-Id"))
				done := s.Done(followEvery)
				return c.Stream(func(send func(string) error) { f.wait(id, s, done, send) })
			})
		},
	},
	{
		name: "Done of a socket",
		text: "Given sockets that follow their session, when other requests only read or write it, then the sockets stay open; when it is ended or rotated at another server, then they close, and Refresh returns ErrEnded.",
		run: func(e *env) {
			followed(e, func(c Ctx, f *following) error {
				s, id := e.session(c), strings.Clone(c.Header("X-Id"))
				return c.Hijack(func(conn net.Conn) {
					defer conn.Close()
					f.wait(id, s, s.Done(followEvery), func(text string) error {
						_, err := io.WriteString(conn, text)
						return err
					})
				})
			})
		},
	},
	{
		name: "Done ends with the request",
		text: "Given a handler that follows its session, when the request is over, by a response, a stream's end or a panic, then the channel is closed.",
		run:  doneWithTheRequest,
	},
}

func refreshInStream(e *env) {
	stored, ended := make(chan bool), make(chan bool)
	open := make(chan bool, 1)
	all := routes{
		"/": func(c Ctx) error {
			s := e.session(c)
			return c.Stream(func(send func(string) error) {
				_ = send("one")
				open <- true
				<-stored
				e.ok(count.Update(s, func(n int) int { return n + 100 }), "Update")
				e.ok(s.Refresh(context.Background()), "Refresh")
				if n, text := count.GetOr(s, 0), note.GetOr(s, ""); n != 102 || text != "theirs" {
					e.Errorf("after Refresh the count is %d and the note %q", n, text)
				}
				e.ok(s.Save(context.Background()), "Save")
				open <- true
				<-ended
				e.wantError(s.Refresh(context.Background()), core.ErrEnded, "Refresh after a logout")
				e.wantError(count.Set(s, 5), core.ErrEnded, "Set after a logout")
				_ = send("two")
			})
		},
		"/change": func(c Ctx) error {
			s := e.session(c)
			e.ok(note.Set(s, "theirs"), "Set")
			e.ok(count.Set(s, 2), "Set")
			return c.NoContent(204)
		},
		"/logout": func(c Ctx) error { e.ok(e.session(c).Logout(), "Logout"); return c.NoContent(204) },
	}
	a, twin := e.serve(Options{}, all), e.serveSecond(Options{}, all)
	b := a.withSession("alice")
	user, got := b.on(twin), make(chan *response, 1)
	go func() {
		r, err := b.try("GET", "/")
		e.ok(err, "the stream")
		got <- r
	}()
	<-open
	user.get("/change").status(204)
	close(stored)
	<-open
	user.wantCount(102)
	user.get("/logout").status(204)
	close(ended)
	if r := <-got; r != nil {
		r.is(200, "onetwo")
	}
	b.wantAnonymous()
}

// followEvery is the interval of Done in these rules. They wait a hundred times as long.
const followEvery = 100 * time.Millisecond

// following are streams or sockets under way.
type following struct {
	*env
	mu   sync.Mutex
	open map[string]chan bool // by X-Id: closed when the client is being told
	over map[string]bool
}

func (f *following) opened(id string) chan bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open[id] == nil {
		f.open[id] = make(chan bool)
	}
	return f.open[id]
}

// wait sends until done is closed.
func (f *following) wait(id string, s *core.Session, done <-chan struct{}, send func(string) error) {
	_ = send("one")
	close(f.opened(id))
	select {
	case <-done:
	case <-time.After(100 * followEvery): // for busy machines
		f.Errorf("%s: not over", id)
		return
	}
	f.mu.Lock()
	f.over[id] = true
	f.mu.Unlock()
	f.wantError(s.Refresh(context.Background()), core.ErrEnded, "Refresh, when Done says that the session "+id+" is over")
	_ = send("two")
}

func (f *following) isOver(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.over[id]
}

// followed opens a stream or socket for each way in which a session can end, all at once.
func followed(e *env, open func(Ctx, *following) error) {
	e.cfg.TouchInterval = time.Microsecond
	f := &following{env: e, open: map[string]chan bool{}, over: map[string]bool{}}
	all := routes{
		"/open":   func(c Ctx) error { return open(c, f) },
		"/read":   func(c Ctx) error { _ = e.session(c).Keys(); return c.NoContent(204) },
		"/write":  func(c Ctx) error { e.ok(count.Set(e.session(c), 2), "Set"); return c.NoContent(204) },
		"/logout": func(c Ctx) error { e.ok(e.session(c).Logout(), "Logout"); return c.NoContent(204) },
		"/rotate": func(c Ctx) error { e.ok(e.session(c).RotateID(), "RotateID"); return c.NoContent(204) },
		"/login":  func(c Ctx) error { e.ok(e.session(c).Login("bob"), "Login"); return c.NoContent(204) },
	}
	a, twin := e.serve(Options{}, all), e.serveSecond(Options{}, all)
	var wg sync.WaitGroup
	for _, end := range endings {
		if end.name != "expiry" && end.name != idleness { // how the store keeps deadlines is no matter of an adapter
			wg.Go(func() { f.until(a, twin, end) })
		}
	}
	wg.Wait()
}

func (f *following) until(a, twin *site, end ending) {
	b := a.withSession(end.name)
	user, got := b.on(twin), make(chan string, 1)
	w := b.dial()
	f.must(w.write("/open", "X-Id: "+end.name, "Connection: Upgrade", "Upgrade: echo", "Cookie: "+b.cookies[0]))
	go func() {
		res, err := http.ReadResponse(w.r, nil)
		if err != nil {
			got <- err.Error()
			return
		}
		from := res.Body
		if res.StatusCode == http.StatusSwitchingProtocols {
			from = io.NopCloser(w.r)
		}
		body, _ := io.ReadAll(from)
		got <- string(body)
	}()
	<-f.opened(end.name)
	for range 3 {
		user.get("/read").status(204)
		user.get("/write").status(204)
		time.Sleep(2 * followEvery)
	}
	if f.isOver(end.name) {
		f.Errorf("%s: over before the end", end.name)
	}
	if !end.end(user, end.name) {
		user.get("/logout").status(204)
	}
	if text := <-got; text != "onetwo" {
		f.Errorf("%s: the client read %q", end.name, text)
	}
}

func doneWithTheRequest(e *env) {
	var mu sync.Mutex
	var all []<-chan struct{}
	follow := func(c Ctx) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, e.session(c).Done(time.Hour))
	}
	s := e.serve(Options{RecoverInside: true}, routes{
		"/page":   func(c Ctx) error { follow(c); return c.String(200, "page") },
		"/fail":   func(c Ctx) error { follow(c); return c.Fail(500) },
		"/panic":  func(c Ctx) error { follow(c); panic("a bug") },
		"/stream": func(c Ctx) error { follow(c); return c.Stream(func(send func(string) error) { _ = send("stream") }) },
	})
	stranger, user := s.browser(), s.withSession("alice")
	for _, path := range []string{"/page", "/fail", "/panic", "/stream"} {
		for _, b := range []*browser{stranger, user} {
			_, err := b.try("GET", path)
			e.ok(err, path)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(all) != 8 {
		e.Errorf("%d handlers, want 8", len(all))
	}
	for i, done := range all {
		select {
		case <-done:
		case <-time.After(100 * followEvery):
			e.Fatalf("channel %d is open after its request", i)
		}
	}
}
