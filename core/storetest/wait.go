package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var waitRules = []rule{{
	name: "WaitEndsWithTheContext",
	text: contextRule + " That holds for one that waits for a lock, too: sync.Mutex knows no context, a channel in a select does.",
	run: func(e *env) {
		if e.h.Block == nil {
			e.Skip("no Harness.Block")
		}
		rec := e.createMarked()
		e.load(e.b, rec.ID)
		release := sync.OnceFunc(e.h.Block(e.TB))
		defer release() // a call that waits on would hold up the cleanup
		waited := 0
		for _, c := range calls(e.b, *rec) {
			if e.gaveUp(c, rec) {
				waited++
			}
		}
		if waited == 0 {
			e.Fatalf("no call waited for the lock that Harness.Block holds")
		}
		release()
		e.mustEnd("the lock was released, but Create", func() error { return e.b.Create(e.ctx, e.newRecord(long)) })
	},
}}

// gaveUp makes a call while a lock is held, and reports whether it waited until its context ended. It fails if the call
// waits on. A call that does not need the lock has its usual answer.
func (e *env) gaveUp(c call, rec *driver.Record) bool {
	e.Helper()
	const patience = 20 * time.Millisecond
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- c.run(ctx, e.b) }()
	select {
	case err := <-answer:
		if !errors.Is(err, driver.ErrUnavailable) {
			return false
		}
		e.mustFail(err, driver.ErrUnavailable, c.name)
		if !errors.Is(err, context.DeadlineExceeded) {
			e.Fatalf("%s: %q does not match %q", c.name, err, context.DeadlineExceeded)
		}
		if wrong := wrongText(e.b, err, rec); wrong != "" {
			e.Fatalf("%s: %s", c.name, wrong)
		}
	case <-time.After(longestCall):
		e.Fatalf("%s waits for the lock that Harness.Block holds, %v after its context has ended", c.name, longestCall-patience)
	}
	return true
}
