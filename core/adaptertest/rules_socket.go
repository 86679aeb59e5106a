package adaptertest

import (
	"context"
	"io"
	"net"
	"net/http"
)

// Rules about handlers that take over the connection.

var socketRules = []rule{
	{
		name: "hijack",
		text: "Given a handler that writes to the session and takes over the connection, when the upgrade is answered, then the cookie is in the answer, the session is stored, and the socket may go on saving.",
		run:  socket,
	},
	{
		name:  "hijack refused",
		text:  "Given a store that does not answer, when a handler writes to the session and takes over the connection, then the client gets a 503, and the handler does not get the connection.",
		needs: []need{needRecords},
		run: func(e *env) {
			s := e.page(Options{}, func(c Ctx) error {
				e.ok(count.Set(e.session(c), 1), "Set")
				_ = c.Hijack(func(conn net.Conn) {
					e.Errorf("the handler got the connection")
					_ = conn.Close()
				})
				return nil
			})
			e.fault.Before(outage)
			s.dial().get("/", "Connection: Upgrade", "Upgrade: echo").refused()
		},
	},
}

func socket(e *env) {
	served := make(chan bool)
	s := e.page(Options{}, func(c Ctx) error {
		s := e.session(c)
		e.ok(count.Set(s, 1), "Set")
		return c.Hijack(func(conn net.Conn) {
			defer close(served)
			defer conn.Close()
			_, _ = io.WriteString(conn, "hello")
			if e.tokens == nil {
				e.ok(count.Set(s, 2), "Set in the socket")
				e.ok(s.Save(context.Background()), "Save in the socket")
			}
		})
	})
	w := s.dial()
	e.must(w.write("/", "Connection: Upgrade", "Upgrade: echo"))
	res, err := http.ReadResponse(w.r, nil)
	e.must(err)
	hello := make([]byte, 5)
	_, err = io.ReadFull(w.r, hello)
	r := &response{Response: res, b: s.browser(), body: string(hello), err: err, sent: "the upgrade"}
	r.inspect()
	r.is(101, "hello").setsCookie()
	<-served
	if e.tokens == nil {
		r.b.wantCount(2)
	} else {
		r.b.wantCount(1)
	}
}
