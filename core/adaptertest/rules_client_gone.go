package adaptertest

import (
	"time"

	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Rules about clients that go away. The request's context ends then, and stores treat an ended context differently.

var clientGoneRules = []rule{
	{
		name: "client gone",
		text: "Given a client that goes away before the response, when the handler writes to the session, then that is stored.",
		run:  clientGone,
	},
	{
		name:  "a client that goes away while its session is loaded",
		text:  "Given a client that goes away, while the store is being asked for its session, then that is no outage: the handler gets the session, and the log has no line above debug level.",
		needs: []need{needRecords},
		run:   goneWhileLoading,
	},
}

func clientGone(e *env) {
	asked, gone, ended := make(chan bool), make(chan bool), make(chan bool)
	b := e.page(Options{}, func(c Ctx) error {
		defer close(ended)
		s := e.session(c)
		close(asked)
		<-gone
		e.ok(count.Set(s, 2), "Set")
		return c.String(200, "done")
	}).withSession("")
	w := b.dial()
	e.must(w.write("/", "Cookie: "+b.cookies[0]))
	<-asked
	e.must(w.conn.Close())
	time.Sleep(20 * time.Millisecond) // for the server to notice
	close(gone)
	<-ended
	if e.tokens != nil {
		return // the token that carries the change never reached the client
	}
	e.eventually("saved", func() bool { n, _ := b.storedCount(); return n == 2 })
}

func goneWhileLoading(e *env) {
	asked, gone, ended := make(chan bool, 1), make(chan bool), make(chan bool)
	b := e.page(Options{}, func(c Ctx) error {
		defer close(ended)
		s, err := c.Session()
		e.ok(err, "Session")
		if n := count.GetOr(s, 0); n != 1 {
			e.Errorf("count %d", n)
		}
		return c.String(200, "done")
	}).withSession("")
	e.fault.Before(func(c storetest.Call) error {
		if c.Method == "Load" {
			asked <- true
			<-gone
		}
		return nil
	})
	w := b.dial()
	e.must(w.write("/", "Cookie: "+b.cookies[0]))
	<-asked
	e.must(w.conn.Close())
	time.Sleep(20 * time.Millisecond) // for the server to notice
	close(gone)
	<-ended
	e.fault.Reset()
	e.checkLog("a client that has gone", 0, 0)
}
