package core_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A Logout is carried out whatever becomes of the response, and nothing else is.
func TestLogoutStands(t *testing.T) {
	for what, end := range map[string]func(*request) core.Out{
		"500":   func(r *request) core.Out { out, err := r.respond(500); must(t, err); return out },
		"408":   func(r *request) core.Out { out, err := r.respond(408); must(t, err); return out },
		"panic": func(r *request) core.Out { return r.x.Discard() },
		"time": func(r *request) core.Out {
			past, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
			defer cancel()
			out, err := r.x.Commit(past, 200)
			must(t, err)
			return out
		},
	} {
		for how, logout := range map[string]func(*core.Session){
			"Logout":               func(s *core.Session) { must(t, s.Logout()) },
			"Set, Logout":          func(s *core.Session) { must(t, count.Set(s, 2)); must(t, s.Logout()) },
			"Logout, Set":          func(s *core.Session) { must(t, s.Logout()); must(t, count.Set(s, 2)) },
			"Logout, Login":        func(s *core.Session) { must(t, s.Logout()); must(t, s.Login("bob")) },
			"Logout, ignored Set":  func(s *core.Session) { must(t, s.Logout()); _ = channel.Set(s, nil) },
			"ignored, then Logout": func(s *core.Session) { _ = channel.Set(s, nil); must(t, s.Logout()) },
		} {
			if what == "time" && how != "Logout" && how != "Set, Logout" && how != "ignored, then Logout" {
				continue // what is dropped beside is an error there: TestLogoutBesideWhatIsDropped
			}
			m := newManager(t, core.Config{})
			b := newBrowser(t, m)
			b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
			r := b.send()
			logout(r.s)
			out := end(r)
			if !strings.Contains(out.Value, "Max-Age=0") {
				t.Errorf("%s, %s: %q", how, what, out.Value)
			}
			if _, live := b.value(count); live {
				t.Errorf("%s, %s: still signed in", how, what)
			}
			for s, err := range m.All(ctx) {
				must(t, err)
				t.Errorf("%s, %s: a session of %q", how, what, s.Subject())
			}
			if err := count.Set(r.s, 3); !errors.Is(err, core.ErrClosed) && what != "time" {
				t.Errorf("%s, %s: afterwards %v", how, what, err)
			}
		}
	}
}

// A Logout is carried out, and its deletion cookie goes out, also where an error of ours takes the response's place.
func TestLogoutBesideWhatIsDropped(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	for what, c := range map[string]struct {
		do   func(*core.Session)
		late bool
		want int
	}{
		"no time":     {func(s *core.Session) { must(t, s.Logout()); must(t, s.AddFlash("a", "b")) }, true, 503},
		"a bad value": {func(s *core.Session) { must(t, s.Logout()); _ = channel.Set(s, nil) }, false, 500},
		"a large one": {func(s *core.Session) { must(t, s.Logout()); must(t, name.Set(s, strings.Repeat("x", 1000))) }, false, 500},
		"a full store": {func(s *core.Session) {
			must(t, s.Logout())
			must(t, count.Set(s, 2))
			fault.Before(storetest.On("Create"))
		}, false, 503},
	} {
		b := newBrowser(t, newManager(t, core.Config{Store: fault.Store(), MaxSize: 200}))
		b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
		r := b.send()
		c.do(r.s)
		commit := ctx
		if c.late {
			past, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
			defer cancel()
			commit = past
		}
		out, err := r.x.Commit(commit, 200)
		fault.Reset()
		if err == nil || core.HTTPStatus(err) != c.want || !strings.Contains(out.Value, "Max-Age=0") {
			t.Errorf("%s: %q, %v", what, out.Value, err)
		}
		if _, live := b.value(count); live {
			t.Errorf("%s: still signed in", what)
		}
	}
}

// A change that needs a cookie is refused when the header has left, from the call, and the log says so once.
func TestTooLateForACookie(t *testing.T) {
	ring, err := keyring.New(keyring.Generate("k1"))
	must(t, err)
	tokens, err := cookiestore.New(ring, cookiestore.RevokeIn(made(memstore.New(memstore.Config{}))), cookiestore.Config{})
	must(t, err)
	unrevoked, err := cookiestore.New(ring, cookiestore.NoRevocation(), cookiestore.Config{})
	must(t, err)
	changes := map[string]func(*core.Session) error{
		"Set": func(s *core.Session) error { return count.Set(s, 2) }, "Login": func(s *core.Session) error { return s.Login("bob") },
		"Update":   func(s *core.Session) error { return count.Update(s, func(n int) int { return n + 1 }) },
		"AddFlash": func(s *core.Session) error { return s.AddFlash("a", "b") }, "RotateID": (*core.Session).RotateID,
		"Delete": count.Delete, "Clear": (*core.Session).Clear, "Logout": (*core.Session).Logout,
		"ExpireIn": func(s *core.Session) error { return s.ExpireIn(time.Hour) }, "ExpireAtBrowserClose": (*core.Session).ExpireAtBrowserClose,
		"Destroy, Set": func(s *core.Session) error { must(t, s.Destroy()); return count.Set(s, 2) },
		"test cookie":  (*core.Session).SetTestCookie,
	}
	for _, c := range []struct {
		what  string
		store driver.Backend
		fresh bool
		fine  string // that is possible without a cookie
	}{
		{"a stored session", made(memstore.New(memstore.Config{})), false, "Set Update AddFlash Delete Clear Logout ExpireIn test cookie"},
		{"a new client", made(memstore.New(memstore.Config{})), true, "RotateID Delete Clear Logout"},
		{"the cookie store", tokens, false, "Logout"},
		{"the cookie store without revocation", unrevoked, false, ""},
	} {
		for name, change := range changes {
			var log strings.Builder
			m := newManager(t, core.Config{Store: c.store, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			b := newBrowser(t, m)
			if !c.fresh {
				b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.Login("alice")) })
			}
			if c.what == "the cookie store without revocation" && strings.HasPrefix(name, "Destroy") {
				continue // Destroy itself is refused
			}
			r := b.send()
			_, err := r.x.Commit(ctx, 200)
			must(t, err)
			err = change(r.s)
			_ = change(r.s)
			if fine := strings.Contains(c.fine+" ", name+" ") || c.fresh && name == "Delete"; fine != (err == nil) || err != nil && !errors.Is(err, core.ErrHeaderSent) {
				t.Errorf("%s, %s: %v", c.what, name, err)
			}
			ferr := r.x.Finish(ctx)
			must(t, ferr)
			if n := strings.Count(log.String(), "\n"); (n == 1) != (err != nil) || n > 1 {
				t.Errorf("%s, %s: %d lines: %s", c.what, name, n, log.String())
			}
		}
	}
}

// A save that fails after the header is an error of Finish: the client must not take the response for whole.
func TestFinishTellsWhatNobodyKnows(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	b := newBrowser(t, newManager(t, core.Config{Store: fault.Store()}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	late := func() *request {
		r := b.send()
		_, err := r.x.Commit(ctx, 200)
		must(t, err)
		must(t, count.Set(r.s, 2))
		return r
	}
	r := late()
	fault.Before(storetest.On("Update"))
	if err := r.x.Finish(ctx); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("outage: %v", err)
	}
	fault.Reset()
	r = late()
	b.copyOf().visit(func(s *core.Session) { must(t, s.Logout()) })
	if err := r.x.Finish(ctx); !errors.Is(err, core.ErrEnded) {
		t.Errorf("ended meanwhile: %v", err)
	}
}

// Save without a change tells whether the session is still there.
func TestSaveWithoutChanges(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	must(t, b.send().s.Save(ctx)) // nothing is there, and nothing is missed
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	for what, c := range map[string]struct {
		other func(*core.Session)
		want  error
	}{
		"nothing": {read, nil}, "values": {func(s *core.Session) { must(t, count.Set(s, 2)) }, nil},
		"rotation": {func(s *core.Session) { must(t, s.RotateID()) }, nil},
		"logout":   {func(s *core.Session) { must(t, s.Logout()) }, core.ErrEnded},
		"login":    {func(s *core.Session) { must(t, s.Login("alice")) }, core.ErrEnded},
		"revoked":  {func(s *core.Session) { must(t, m.Revoke(context.Background(), s.ID())) }, core.ErrEnded},
	} {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		stream := b.send()
		_, err := stream.x.Commit(ctx, 200)
		must(t, err)
		b.visit(c.other)
		if err := stream.s.Save(ctx); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
		must(t, stream.x.Finish(ctx))
	}
	stream := b.send()
	fault.Before(storetest.Outage)
	if err := stream.s.Save(ctx); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("outage: %v", err)
	}
}

// A context that has ended, a helper's or that of a client that went away, is no outage, and spoils nothing.
func TestEndedContextWhileLoading(t *testing.T) {
	var log strings.Builder
	store := made(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: strict{store}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for what, load := range map[string]func() (*core.Session, error){
		"helper": func() (*core.Session, error) {
			x := m.Begin(ctx, b.header())
			helper, cancel := context.WithCancel(x.Context())
			cancel()
			return core.FromContext(helper)
		},
		"client": func() (*core.Session, error) { return m.Begin(gone, b.header()).Session(gone) },
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

// A change that a goroutine makes while the response is being made is stored where that needs no cookie, and else
// refused; what the client gets is whole.
func TestChangeWhileTheHeaderIsMade(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	ring, err := keyring.New(keyring.Generate("k1"))
	must(t, err)
	revoked := storetest.NewFault(made(memstore.New(memstore.Config{})))
	tokens, err := cookiestore.New(ring, cookiestore.RevokeIn(revoked.Store()), cookiestore.Config{})
	must(t, err)
	for _, c := range []struct {
		store driver.Backend
		fault *storetest.Fault
		late  error
		want  int
	}{{fault.Store(), fault, nil, 2}, {tokens, revoked, core.ErrHeaderSent, 1}} {
		b := newBrowser(t, newManager(t, core.Config{Store: c.store}))
		b.visit(func(s *core.Session) { must(t, name.Set(s, "x")) })
		for _, b := range []*browser{b, newBrowser(t, b.m)} {
			r := b.send()
			must(t, count.Set(r.s, 1))
			late, asked := error(nil), false
			c.fault.Before(func(call storetest.Call) error {
				if !asked {
					asked, late = true, count.Set(r.s, 2)
				}
				return nil
			})
			_, err := r.respond(200)
			must(t, err)
			c.fault.Before(nil)
			if n, _ := b.value(count); asked && (!errors.Is(late, c.late) || n != c.want) {
				t.Errorf("a Set while the session is saved: %v, and count %d", late, n)
			}
		}
	}
}

// Given a session whose record was damaged, when a stream asks with Save whether it is still there, then that is no yes.
func TestSaveSeesADamagedRecord(t *testing.T) {
	store := damaging{Store: made(memstore.New(memstore.Config{})), bad: map[driver.ID]bool{}}
	m := newManager(t, core.Config{Store: store})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	b.visit(func(s *core.Session) {
		must(t, s.Save(ctx))
		store.bad[s.ID()] = true
		if err := s.Save(ctx); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("Save: %v", err)
		}
	})
}

// damaging has no record where it has one.
type damaging struct {
	driver.Store
	bad map[driver.ID]bool
}

func (d damaging) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if d.bad[id] {
		return driver.Record{}, driver.Corrupt("damaging")
	}
	return d.Store.Load(ctx, id)
}
