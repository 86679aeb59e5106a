package embeddedstores

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// limitRounds is how often CheckLimit tries: a few times, or as often as TESTS_ROUNDS says.
func limitRounds() int {
	if n, err := strconv.Atoi(os.Getenv("TESTS_ROUNDS")); err == nil {
		return n
	}
	return 3
}

// CheckLimit signs a user in 50 times at once, on two servers, where 3 sessions are allowed. Afterwards exactly 3 are
// alive. Then all that can sign in again, each over its own session, and there are never more than 3. Each call of
// open returns a handle, also of the same Store, on one empty storage with the ability driver.Limiter.
func CheckLimit(t *testing.T, open func(testing.TB) driver.Store) {
	const most, visitors = 3, 50
	handles := [2]driver.Store{open(t), open(t)}
	for _, full := range []core.WhenFull{core.EndOldest, core.RefuseNew} {
		var m [2]*core.Manager
		for i := range m {
			var err error
			m[i], err = core.New(core.Config{
				Store: handles[i], MaxPerSubject: most, WhenFull: full, Namespace: string(full),
				StoreTimeout: time.Minute, SweepInterval: -1, Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for round := range limitRounds() {
			l := limitRound{ctx: t.Context(), m: m, subject: fmt.Sprint("user ", round), cookies: make([]string, visitors)}
			l.signIn()
			alive := l.count(t)
			if alive != most {
				t.Fatalf("%s, round %d: %d sessions are alive after %d sign-ins at once, want %d", full, round, alive, visitors, most)
			}
			if n := l.refused.Load(); (full == core.RefuseNew) != (n == visitors-most) || full == core.EndOldest && n > 0 {
				t.Fatalf("%s, round %d: %d sign-ins of %d were refused", full, round, n, visitors)
			}
			l.signIn()
			if alive := l.count(t); alive > most || alive < 1 {
				t.Fatalf("%s, round %d: %d sessions are alive after all signed in again, want 1 to %d", full, round, alive, most)
			}
			if err := errors.Join(l.errs...); err != nil {
				t.Fatalf("%s, round %d: %v", full, round, err)
			}
		}
	}
}

// CheckTrim does the same with a store that is no driver.Limiter: core ends the oldest sessions afterwards.
func CheckTrim(t *testing.T, open func(testing.TB) driver.Store) {
	const most, visitors = 3, 50
	var m [2]*core.Manager
	for i := range m {
		var err error
		m[i], err = core.New(core.Config{
			Store: open(t), MaxPerSubject: most, StoreTimeout: time.Minute, SweepInterval: -1, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for round := range limitRounds() {
		l := limitRound{ctx: t.Context(), m: m, subject: fmt.Sprint("user ", round), cookies: make([]string, visitors)}
		l.signIn()
		if alive := l.count(t); alive != most {
			t.Fatalf("round %d: %d sessions are alive after %d sign-ins at once, want %d", round, alive, visitors, most)
		}
		if err := errors.Join(l.errs...); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

type limitRound struct {
	ctx     context.Context
	m       [2]*core.Manager
	subject string
	cookies []string
	refused atomic.Int64

	mu   sync.Mutex
	errs []error // other than refusals, and than the end of the session that the visitor came with
}

// signIn signs all visitors in at once.
func (l *limitRound) signIn() {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range l.cookies {
		wg.Go(func() {
			<-start
			header := http.Header{}
			if l.cookies[i] != "" {
				header.Set("Cookie", l.cookies[i])
			}
			x := l.m[i%2].Adapter().Begin(l.ctx, header)
			s, err := x.Session(l.ctx)
			if err == nil {
				err = s.Login(l.subject)
			}
			var out core.Out
			if err == nil {
				out, err = x.Commit(l.ctx, 200)
			}
			_ = x.Finish(l.ctx)
			switch {
			case err == nil:
				l.cookies[i] = out.Value
			case errors.Is(err, core.ErrTooManySessions):
				l.refused.Add(1)
			case !errors.Is(err, core.ErrEnded):
				l.mu.Lock()
				l.errs = append(l.errs, err)
				l.mu.Unlock()
			}
		})
	}
	close(start)
	wg.Wait()
}

// count returns how many sessions of the user are alive.
func (l *limitRound) count(t *testing.T) (n int) {
	for _, err := range l.m[0].Sessions(l.ctx, l.subject) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
