package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestOutageIsNeverAnonymous(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	fault.Before(storetest.Outage)
	x := m.Adapter().Begin(ctx, b.header())
	s, err := x.Session(ctx)
	if !errors.Is(err, core.ErrUnavailable) || s == nil {
		t.Fatalf("%v, %v", s, err)
	}
	// A handler that goes on all the same gets no further than its own page,
	if out, err := x.Commit(ctx, 200); err != nil || out.Name != "" {
		t.Errorf("%+v, %v", out, err)
	}
	// and none at all once it wrote.
	x = m.Adapter().Begin(ctx, b.header())
	s, _ = x.Session(ctx)
	if err := count.Set(s, 2); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("Set: %v", err)
	}
	if out, err := x.Commit(ctx, 200); !errors.Is(err, core.ErrUnavailable) || out.Name != "" {
		t.Errorf("%+v, %v", out, err)
	}
	// A request that does not ask for its session does not notice.
	fault.Reset()
	fault.Before(storetest.Outage)
	x = m.Adapter().Begin(ctx, b.header())
	if out, err := x.Commit(ctx, 200); err != nil || out.Name != "" || len(fault.Calls()) != 0 {
		t.Errorf("untouched: %+v, %v, %v", out, err, fault.Calls())
	}
	fault.Reset()
	alive(t, b, true)
}

// nonsense is a store whose Load answers what only others may.
type nonsense struct {
	driver.Store
	err error
}

func (s *nonsense) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if s.err != nil {
		return driver.Record{}, s.err
	}
	return s.Store.Load(ctx, id)
}

func TestNonsenseIsNoLogout(t *testing.T) {
	for _, e := range []error{driver.ErrConflict, driver.ErrExists, driver.ErrTooLarge, errors.ErrUnsupported} {
		st := &nonsense{Store: plain{made.Of(memstore.New(memstore.Config{}))}}
		m := newManager(t, core.Config{Store: st})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
		st.err = e
		s, err := m.Adapter().Begin(ctx, b.header()).Session(ctx)
		if err == nil {
			t.Errorf("Load answers %v: the request goes on as %q", e, s.Subject())
		}
	}
}

// panics runs f, which must panic.
func panics(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}

type panicStore struct{ driver.Store }

func (panicStore) Load(context.Context, driver.ID) (driver.Record, error) {
	panic("a bug in the store")
}

// What panics while a session is loaded must not hang the request's clean-up.
func TestPanicWhileLoading(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	b := newBrowser(t, newManager(t, core.Config{Store: store}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	for what, m := range map[string]*core.Manager{
		"store": newManager(t, core.Config{Store: panicStore{store}}),
		"Adopt": newManager(t, core.Config{Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) { panic("a bug") }}),
	} {
		x := m.Adapter().Begin(ctx, http.Header{"Cookie": {b.cookie + "; old=1"}})
		panics(t, func() { _, _ = x.Session(ctx) })
		done := make(chan struct{})
		go func() { x.Discard(); close(done) }()
		select {
		case <-done:
		case <-time.After(time.Second):
			t.Errorf("%s: Discard hangs", what)
		}
	}
}

// StoreTimeout bounds each token's load, not the loading.
func TestStoreTimeoutIsForAllTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs, err := filestore.New(filepath.Join(t.TempDir(), "s"), filestore.Config{})
		must(t, err)
		fault := storetest.NewFault(fs)
		m := newManager(t, core.Config{Store: fault.Store(), StoreTimeout: 100 * time.Millisecond, SweepInterval: -1})
		fault.Before(func(storetest.Call) error { time.Sleep(80 * time.Millisecond); return nil })
		var line []string
		for i := range 4 {
			line = append(line, fmt.Sprintf("__Host-session=%sA", strings.Repeat(string(rune('B'+i)), 42)))
		}
		start := time.Now()
		_, err = m.Adapter().Begin(ctx, http.Header{"Cookie": {strings.Join(line, "; ")}}).Session(ctx)
		if d := time.Since(start); d > 160*time.Millisecond || !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("loading took %v with StoreTimeout 100ms (%v)", d, err)
		}
	})
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
	x := m.Adapter().Begin(late, b.header())
	<-late.Done()
	if _, err := x.Session(late); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("Session: %v", err)
	}
	if n := lines("ERROR", "the store fails"); n != 0 {
		t.Errorf("%d lines say that the store fails", n)
	}
	if n := lines("WARN", "deadline"); n != 1 {
		t.Errorf("%d lines say that the request was late", n)
	}
}

// A context that has ended, a helper's or that of a client that went away, is no outage, and spoils nothing.
func TestEndedContextWhileLoading(t *testing.T) {
	var log strings.Builder
	store := made.Of(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: strict{store}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for what, load := range map[string]func() (*core.Session, error){
		"helper": func() (*core.Session, error) {
			x := m.Adapter().Begin(ctx, b.header())
			helper, cancel := context.WithCancel(x.Context())
			cancel()
			return core.FromContext(helper)
		},
		"client": func() (*core.Session, error) { return m.Adapter().Begin(gone, b.header()).Session(gone) },
	} {
		s, err := load()
		if n := count.GetOr(s, 0); err != nil || n != 1 {
			t.Errorf("%s: count %d, %v", what, n, err)
		}
	}
	if log.Len() > 0 {
		t.Error(log.String())
	}
}

// strict is a store that heeds its context, as one on the network does.
type strict struct{ *memstore.Store }

func (s strict) Info() driver.Info { return driver.Info{Name: "strict"} }

func (s strict) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if err := ctx.Err(); err != nil {
		return driver.Record{}, driver.Unavailable("strict", err)
	}
	return s.Store.Load(ctx, id)
}
