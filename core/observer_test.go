package core_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

var errRefused = errors.New("connection refused")

// managing are the methods of a Manager that ask the store.
var managing = map[string]func(context.Context, *core.Manager, core.ID) error{
	"Ping":      func(ctx context.Context, m *core.Manager, _ core.ID) error { return m.Ping(ctx) },
	"Sweep":     func(ctx context.Context, m *core.Manager, _ core.ID) error { _, err := m.Sweep(ctx); return err },
	"Revoke":    func(ctx context.Context, m *core.Manager, id core.ID) error { return m.Revoke(ctx, id) },
	"RevokeOwn": func(ctx context.Context, m *core.Manager, id core.ID) error { return m.RevokeOwn(ctx, "alice", id) },
	"RevokeSubject": func(ctx context.Context, m *core.Manager, _ core.ID) error {
		_, err := m.RevokeSubject(ctx, "alice")
		return err
	},
	"Sessions": func(ctx context.Context, m *core.Manager, _ core.ID) (last error) {
		for _, err := range m.Sessions(ctx, "alice") {
			last = err
		}
		return last
	},
	"All": func(ctx context.Context, m *core.Manager, _ core.ID) (last error) {
		for _, err := range m.All(ctx) {
			last = err
		}
		return last
	},
}

// pinged is a store that answers a Ping.
type pinged struct{ *filestore.Store }

func (pinged) Ping(context.Context) error { return nil }

// A store whose errors are those of its client library, and not the contract's: each is an outage, and says why.
func TestManagerSaysUnavailable(t *testing.T) {
	for _, cause := range []error{errRefused, context.Canceled, context.DeadlineExceeded} {
		files, err := filestore.New(t.TempDir()+"/sessions", filestore.Config{})
		must(t, err)
		fault := storetest.NewFault(pinged{files})
		m := newManager(t, core.Config{Store: fault.Store(), SweepInterval: -1})
		var id core.ID
		newBrowser(t, m).visit(func(s *core.Session) { must(t, s.Login("alice")); id = s.ID() })
		for name, call := range managing {
			fault.Before(func(storetest.Call) error { return cause })
			if err := call(ctx, m, id); !errors.Is(err, core.ErrUnavailable) || !errors.Is(err, cause) || core.HTTPStatus(err) != 503 {
				t.Errorf("%s: %v, want ErrUnavailable and %v", name, err, cause)
			}
			fault.Reset()
		}
	}
}

// A caller's context that has ended is no answer of the store, whatever the store makes of it.
func TestManagerOfAnEndedContext(t *testing.T) {
	files, err := filestore.New(t.TempDir()+"/sessions", filestore.Config{})
	must(t, err)
	m := newManager(t, core.Config{Store: files, SweepInterval: -1})
	var id core.ID
	newBrowser(t, m).visit(func(s *core.Session) { must(t, s.Login("alice")); id = s.ID() })
	over, cancel := context.WithCancel(ctx)
	cancel()
	for name, call := range managing {
		if err := call(over, m, id); !errors.Is(err, core.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want ErrUnavailable and context.Canceled", name, err)
		}
	}
	// memstore does not look at the context, so the Manager does.
	if _, err := newManager(t, core.Config{SweepInterval: -1}).Sweep(over); !errors.Is(err, core.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("Sweep of memstore: %v", err)
	}
}

// Failing observers stop nothing, and may ask for the session.
func TestObserverCanDoNoHarm(t *testing.T) {
	var asked bool
	m := newManager(t, core.Config{Observer: func(ctx context.Context, _ core.Event) {
		_, err := core.FromContext(ctx)
		asked = errors.Is(err, core.ErrNoSession)
		panic("observer")
	}, Logger: slog.New(slog.DiscardHandler)})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	tab := b.copyOf()
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	tab.visit(func(s *core.Session) {
		if s.Subject() != "" || !asked {
			t.Errorf("subject %q, asked %t", s.Subject(), asked)
		}
	})
}

func TestOneWarningInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := newManager(t, core.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		b, _, _ := two(t, m)
		for range 100 {
			b.copyOf().visit(read)
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), "WARN"); n != 10 || !strings.Contains(log.String(), "skipped=9") {
			t.Errorf("%d warnings: %s", n, log.String())
		}
	})
}

// A clock that jumped ahead and back must not silence warnings until it is there again.
func TestWarningsAfterAClockJump(t *testing.T) {
	clock := storetest.NewClock()
	events := map[core.EventKind]int{}
	lines := &strings.Builder{}
	m := newManager(t, core.Config{Now: clock.Now, Observer: countEvents(events), Logger: slog.New(slog.NewTextHandler(lines, nil))})
	b, _, _ := two(t, m)
	clock.Advance(time.Hour * 24)
	b.copyOf().visit(read)
	clock.Advance(-time.Hour * 24)
	before := strings.Count(lines.String(), "WARN")
	clock.Advance(time.Minute)
	b.copyOf().visit(read)
	if n := strings.Count(lines.String(), "WARN"); n != before+1 {
		t.Errorf("%d warnings, then %d", before, n)
	}
}

// TestOutcomes: what clients bring about in the ordinary course is no failure.
func TestOutcomes(t *testing.T) {
	var events []core.Event
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store(), SweepInterval: -1, Observer: func(_ context.Context, e core.Event) { events = append(events, e) }})
	is := func(what string, kind core.EventKind, outcome core.Outcome, failure error) {
		t.Helper()
		for _, e := range events {
			if e.Kind == kind && e.Outcome == outcome && errors.Is(e.Err, failure) && (failure == nil) == (e.Err == nil) {
				events = nil
				return
			}
		}
		t.Errorf("%s: no event %q with outcome %q and %v among %+v", what, kind, outcome, failure, events)
		events = nil
	}
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	is("a new session", core.EventCreate, core.OutcomeDone, nil)
	b.visit(func(s *core.Session) {
		must(t, count.Set(s, 2))
		b.copyOf().visit(func(s *core.Session) { must(t, other.Set(s, 2)) })
		events = nil
	})
	is("a lost race", core.EventUpdate, core.OutcomeConflict, nil)
	gone := b.copyOf()
	b.visit(func(s *core.Session) { events = nil; must(t, m.Revoke(ctx, s.ID())) })
	is("a delete", core.EventDelete, core.OutcomeDone, nil)
	gone.visit(nil)
	is("an expired or ended token", core.EventLoad, core.OutcomeNotFound, nil)
	b = newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	met := b.copyOf().send()
	must(t, count.Set(met.s, 2))
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	if _, err := met.respond(200); !errors.Is(err, core.ErrEnded) {
		t.Errorf("%v", err)
	}
	is("a change that met a logout", core.EventDropped, core.OutcomeConflict, core.ErrEnded)
	fault.Before(func(storetest.Call) error { return errRefused })
	_, err := m.Adapter().Begin(ctx, gone.header()).Session(ctx)
	if !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	is("an outage", core.EventLoad, core.OutcomeFailed, errRefused)
}

type eventList struct {
	mu   sync.Mutex
	list []core.Event
}

func (z *eventList) observe(_ context.Context, e core.Event) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.list = append(z.list, e)
}

// TestOutcomesOfTheOrdinary: expired, unknown and late tokens are no failure.
func TestOutcomesOfTheOrdinary(t *testing.T) {
	var z eventList
	now := time.Now()
	clock := func() time.Time { return now }
	store := made.Of(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store, Observer: z.observe, Now: clock, Lifetime: time.Hour, IdleTimeout: time.Hour})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	old := b.copyOf()
	b.visit(func(s *core.Session) { must(t, s.RotateID()) })
	late := old.send()
	_, _ = late.respond(200)
	logout := old.send()
	_ = logout.s.Logout()
	_, _ = logout.respond(200)
	b.visit(func(s *core.Session) { must(t, s.Login("a")) })
	gone := b.copyOf()
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	now = now.Add(2 * time.Minute)
	unknown := gone.send()
	_, _ = unknown.respond(200)
	c := newBrowser(t, m)
	c.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	now = now.Add(2 * time.Hour) // memstore has another clock
	expired := c.send()
	_, _ = expired.respond(200)
	for _, e := range z.list {
		bad := (e.Outcome == core.OutcomeFailed) != (e.Err != nil)
		ordinary := e.Kind == core.EventExpired || e.Kind == core.EventUnknown || e.Kind == core.EventLate
		if bad || ordinary && e.Outcome == core.OutcomeFailed {
			t.Errorf("%s: outcome %s, err %v", e.Kind, e.Outcome, e.Err)
		}
	}
}

// A Logout with NoRevocation is the ordinary course.
func TestLogoutWithoutRevocationIsNoFailure(t *testing.T) {
	var z eventList
	m := cookieManager(t, cookiestore.NoRevocation(), core.Config{Observer: z.observe})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("a")) })
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	for _, e := range z.list {
		if e.Outcome == core.OutcomeFailed {
			t.Errorf("%s: outcome %s, err %v", e.Kind, e.Outcome, e.Err)
		}
	}
}

// The events say which loads the cache has answered. A load past the caches is none.
func TestObserverSeesTheCache(t *testing.T) {
	store := made.Of(cachedstore.New(made.Of(memstore.New(memstore.Config{})), made.Of(memstore.New(memstore.Config{})), cachedstore.Config{}))
	var loads []bool
	m := newManager(t, core.Config{Store: store, Observer: func(_ context.Context, e core.Event) {
		if e.Kind == core.EventLoad {
			loads = append(loads, e.Cached)
		}
	}})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); id = s.ID() })
	b.visit(func(s *core.Session) { s.Subject() })
	if !slices.Equal(loads, []bool{true}) {
		t.Errorf("a request: cached %v", loads)
	}
	loads = nil
	_, err := m.Session(ctx, id)
	if must(t, err); !slices.Equal(loads, []bool{false}) {
		t.Errorf("past the caches: cached %v", loads)
	}
	if got := m.Breakers(); !maps.Equal(got, map[string]bool{"cache": false}) {
		t.Errorf("Breakers: %v", got)
	}
}

// With a store in memory, the Observer's context has the values of the request's, but for the session, and goes on when
// the client has gone. So does the load itself.
func TestContextOfAnObserverInMemory(t *testing.T) {
	type key struct{}
	store := made.Of(cachedstore.New(made.Of(memstore.New(memstore.Config{})), made.Of(memstore.New(memstore.Config{})), cachedstore.Config{}))
	seen := 0
	m := newManager(t, core.Config{Store: store, Observer: func(ctx context.Context, e core.Event) {
		if e.Kind != core.EventLoad {
			return
		}
		seen++
		_, deadline := ctx.Deadline()
		if ctx.Value(key{}) != 1 || ctx.Err() != nil || ctx.Done() != nil || deadline || e.Err != nil {
			t.Errorf("value %v, error %v, deadline %t; the load: %v", ctx.Value(key{}), ctx.Err(), deadline, e.Err)
		}
		if _, err := core.FromContext(ctx); !errors.Is(err, core.ErrNoSession) {
			t.Errorf("FromContext: %v", err)
		}
	}})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	gone, cancel := context.WithCancel(context.WithValue(ctx, key{}, 1))
	cancel()
	x := m.Adapter().Begin(gone, b.header())
	defer x.Discard()
	if s, err := x.Session(x.Context()); err != nil || s.Subject() != "alice" || seen != 1 {
		t.Errorf("%v, %v; %d events", s, err, seen)
	}
}
