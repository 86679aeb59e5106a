package core_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
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

// pinged is a store that answers a Ping.
type pinged struct{ *filestore.Store }

func (pinged) Ping(context.Context) error { return nil }

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

// The Observer hears the same of a sweep in the background.
func TestBackgroundSweepSaysUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
		fault.Before(func(storetest.Call) error { return errRefused })
		var told []error
		m, err := core.New(core.Config{
			Store: fault.Store(), SweepInterval: time.Minute,
			Observer: func(_ context.Context, e core.Event) {
				if e.Kind == core.EventSweep {
					told = append(told, e.Err)
				}
			},
		})
		must(t, err)
		time.Sleep(90 * time.Second)
		must(t, m.Close())
		if len(told) != 1 || !errors.Is(told[0], core.ErrUnavailable) || !errors.Is(told[0], errRefused) {
			t.Errorf("told of %v", told)
		}
	})
}

// failingCloser is a store whose Close fails.
type failingCloser struct{ driver.Store }

var errClose = errors.New("disk gone")

// Close implements io.Closer.
func (failingCloser) Close() error { return errClose }

// Given a Manager whose store could not be closed, when it is closed again, then it says so again.
func TestCloseTellsEachTime(t *testing.T) {
	m := newManager(t, core.Config{Store: failingCloser{made(memstore.New(memstore.Config{}))}})
	for range 2 {
		if err := m.Close(); !errors.Is(err, errClose) {
			t.Errorf("Close: %v", err)
		}
	}
}

// Given a request that asks for its session when its time is over, when the store is well, then the answer is a 503 and
// the log does not say that the store is not.
func TestSlowHandlerIsNoOutage(t *testing.T) {
	log, lines := logged()
	files, err := filestore.New(filepath.Join(t.TempDir(), "sessions"), filestore.Config{})
	must(t, err)
	m := newManager(t, core.Config{Store: files, Logger: log})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	late, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	x := m.Begin(late, b.header())
	<-late.Done()
	if _, err := x.Session(late); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("Session: %v", err)
	}
	if n := lines("ERROR", "does not answer"); n != 0 {
		t.Errorf("%d lines say that the store does not answer", n)
	}
	if n := lines("WARN", "deadline"); n != 1 {
		t.Errorf("%d lines say that the request was late", n)
	}
}
