package core_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestFailedStatusAndTimeoutSaveNothing(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	before := b.cookie
	for _, status := range []int{408, 500, 503} {
		r := b.send()
		must(t, count.Set(r.s, 2))
		must(t, r.s.Login("alice"))
		if out, err := r.respond(status); err != nil || out.Name != "" || out.Vary != "Cookie" {
			t.Errorf("%d: %+v, %v", status, out, err)
		}
	}
	late, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	r := b.send()
	must(t, count.Set(r.s, 3))
	if out, err := r.x.Commit(late, 200); !errors.Is(err, core.ErrUnavailable) || out.Name != "" {
		t.Errorf("after a timeout: %+v, %v", out, err)
	}
	if out, err := b.send().x.Commit(late, 200); err != nil || out.Name != "" {
		t.Errorf("a read after a timeout: %+v, %v", out, err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	r = b.send()
	must(t, name.Set(r.s, "client has gone"))
	if _, err := r.x.Commit(gone, 200); err != nil {
		t.Error(err)
	}
	b.visit(func(s *core.Session) {
		if n, _ := count.Get(s); n != 1 || s.Subject() != "" || !s.Has("name") || b.cookie != before {
			t.Errorf("count %d, subject %q, keys %q", n, s.Subject(), s.Keys())
		}
	})
}

// Save stored a Login or a RotateID, and the Commit after it fails: nobody is told of the token.
func TestSavedThenCommitFails(t *testing.T) {
	for what, f := range map[string]func(s *core.Session) error{
		"login":  func(s *core.Session) error { return s.Login("alice") },
		"rotate": (*core.Session).RotateID,
	} {
		fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
		m := newManager(t, core.Config{Store: fault.Store()})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
		r := b.send()
		must(t, f(r.s))
		must(t, r.s.Save(ctx))
		must(t, count.Set(r.s, 2))
		fault.Before(storetest.Outage)
		_, err := r.respond(200)
		fault.Reset()
		if n, _ := b.value(count); n != 1 {
			t.Errorf("%s: %v, and the session is lost to its user", what, err)
		}
	}
}

// A change that a goroutine makes while the response is being made is stored where that needs no cookie, and else
// refused; what the client gets is whole.
func TestChangeWhileTheHeaderIsMade(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	ring, err := keyring.New(keyring.Generate("k1"))
	must(t, err)
	revoked := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
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
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
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
