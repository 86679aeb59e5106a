// Package sessiontest is for the tests of applications that use coatcheck. It puts a session into a handler's test, as
// a cookie or as a context, and looks at what the handler stored.
//
//	func TestCart(t *testing.T) {
//		m := sessiontest.New(t, core.Config{})
//		alice := m.SignedIn("alice", sessiontest.With(cart, Items{"hat": 1}))
//		res := alice.Get(routes(m.Manager), "/cart") // routes is the application: it mounts the middleware
//		if res.StatusCode != 200 {
//			t.Error(res.Status)
//		}
//		sessiontest.Want(alice, cart, Items{"hat": 1})
//	}
//
// [New] makes a manager over a store in memory, with a clock that a test moves and calls that a test makes fail. A
// [Visitor] is one client of it, with its session. Gin, Echo and net/http take Visitor.Do, or Visitor.Request for their
// own way to test. Fiber takes Visitor.Request, for app.Test, and Visitor.Keep for its response. A handler that is called
// without the middleware takes Visitor.Context.
//
// The guide is docs/testing.md, with a test for each framework.
package sessiontest

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// TB is the part of testing.TB that this package needs.
type TB interface {
	Helper()                           // the caller is not what failed
	Errorf(format string, args ...any) // reports an error
	Fatalf(format string, args ...any) // reports an error and ends the test
	Cleanup(func())                    // runs after the test
}

// Clock is a clock that stands still until a test advances it. Give its Now to the Config.Now of a store.
type Clock = storetest.Clock

// NewClock returns a clock that stands at the present time, to the microsecond, as sessions keep times.
func NewClock() *Clock {
	c := storetest.NewClock()
	c.Advance(-time.Duration(c.Now().Nanosecond() % 1000))
	return c
}

// Manager is a core.Manager for tests.
type Manager struct {
	*core.Manager

	// Clock is the time of the manager and its store. It is nil if Config.Store or Config.Now was given to New.
	Clock *Clock

	t     TB
	fault *storetest.Fault // nil for a store of tokens
}

// New returns a manager with these settings, which ends with the test. Without Config.Store it has a store in memory,
// and both have one clock, which begins now, or is Config.Now. With a store of your own, give New and the store the same clock by
// NewAt. Without Config.Logger, the log is part of the test's output. Wrong settings end the test.
func New(t TB, cfg core.Config) *Manager {
	t.Helper()
	if cfg.Store != nil {
		return open(t, cfg, nil)
	}
	var clock *Clock
	if cfg.Now == nil {
		clock = NewClock()
		cfg.Now = clock.Now
	}
	store, err := memstore.New(memstore.Config{Now: cfg.Now})
	if err != nil {
		t.Fatalf("sessiontest: %v", err)
	}
	cfg.Store = pinged{store}
	return open(t, cfg, clock)
}

// pinged is a store in memory that Fail("Ping") can make fail, as a readiness page would notice.
type pinged struct{ *memstore.Store }

func (pinged) Ping(ctx context.Context) error { return ctx.Err() }

// NewAt is New with a clock that is also the clock of Config.Store, which is required.
func NewAt(t TB, clock *Clock, cfg core.Config) *Manager {
	t.Helper()
	cfg.Now = clock.Now
	return open(t, cfg, clock)
}

func open(t TB, cfg core.Config, clock *Clock) *Manager {
	t.Helper()
	m := &Manager{Clock: clock, t: t}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
		if o, ok := t.(interface{ Output() io.Writer }); ok { // *testing.T
			cfg.Logger = slog.New(slog.NewTextHandler(o.Output(), nil))
		}
	}
	if store, ok := cfg.Store.(driver.Store); ok {
		m.fault = storetest.NewFault(store)
		cfg.Store = m.fault.Store()
	}
	var err error
	if m.Manager, err = core.New(cfg); err != nil {
		t.Fatalf("sessiontest: %v", err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// methods are those of driver.Store and of its abilities.
var methods = []string{
	"Load", "Create", "Update", "Touch", "Delete", // a request
	"Reload", "Succeed", "BySubject", "ByLabel", "All", "Sweep", "Ping", "Close",
}

// Fail makes calls of the store fail from now on, as in an outage: those of the methods named, or all. Load, Create,
// Update, Touch and Delete serve requests, BySubject lists a user's sessions, All lists all of them. The others are
// Reload, Succeed, ByLabel, Sweep, Ping and Close. It ends the test if the store keeps no records, as cookiestore does.
func (m *Manager) Fail(names ...string) {
	m.t.Helper()
	for _, name := range names {
		if !slices.Contains(methods, name) {
			m.t.Fatalf("sessiontest: Fail(%q): a store has the methods %s", name, strings.Join(methods, ", "))
		}
	}
	if len(names) == 0 {
		m.faulty().Before(storetest.Outage)
		return
	}
	m.faulty().Before(storetest.On(names...))
}

// Heal ends what Fail began, and sets the counts of Calls to 0.
func (m *Manager) Heal() {
	m.t.Helper()
	m.faulty().Reset()
}

// Calls returns how often each method of the store was called since New or Heal: a page that does not use its session
// makes no call.
func (m *Manager) Calls() map[string]int {
	m.t.Helper()
	return m.faulty().Calls()
}

func (m *Manager) faulty() *storetest.Fault {
	m.t.Helper()
	if m.fault == nil {
		m.t.Fatalf("sessiontest: Fail, Heal and Calls need a store that keeps records")
	}
	return m.fault
}
