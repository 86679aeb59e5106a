package core_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// visits are what a request does, in all orders with what another one does meanwhile.
var visits = map[string]func(*testing.T, *core.Session){
	"set":         func(t *testing.T, s *core.Session) { must(t, count.Set(s, 99)) },
	"rotate":      func(t *testing.T, s *core.Session) { must(t, s.RotateID()) },
	"rotate, set": func(t *testing.T, s *core.Session) { must(t, s.RotateID()); must(t, count.Set(s, 99)) },
	"alice":       func(t *testing.T, s *core.Session) { must(t, count.Set(s, 99)); must(t, s.Login("alice")) },
	"bob":         func(t *testing.T, s *core.Session) { must(t, s.Login("bob")); must(t, count.Set(s, 99)) },
	"logout":      func(t *testing.T, s *core.Session) { must(t, s.Logout()) },
	"logout, set": func(t *testing.T, s *core.Session) { must(t, s.Logout()); must(t, count.Set(s, 99)) },
	"flashes":     func(t *testing.T, s *core.Session) { _, err := s.Flashes(ctx); must(t, err) },
	"save": func(t *testing.T, s *core.Session) {
		must(t, count.Set(s, 99))
		if err := s.Save(ctx); err != nil && !errors.Is(err, core.ErrEnded) {
			t.Error(err)
		}
	},
}

// meanwhile is what another request with the same cookie, or an operator, does.
var meanwhile = map[string]func(*testing.T, *browser, core.ID){
	"set": func(t *testing.T, b *browser, _ core.ID) {
		b.try(t, func(s *core.Session) { must(t, other.Set(s, 1)) })
	},
	"rotate": func(t *testing.T, b *browser, _ core.ID) { b.try(t, func(s *core.Session) { must(t, s.RotateID()) }) },
	"alice": func(t *testing.T, b *browser, _ core.ID) {
		b.try(t, func(s *core.Session) { must(t, s.Login("alice")) })
	},
	"bob":            func(t *testing.T, b *browser, _ core.ID) { b.try(t, func(s *core.Session) { must(t, s.Login("bob")) }) },
	"logout":         func(t *testing.T, b *browser, _ core.ID) { b.try(t, func(s *core.Session) { must(t, s.Logout()) }) },
	"revoke":         func(t *testing.T, b *browser, id core.ID) { must(t, b.m.Revoke(ctx, id)) },
	"revoke subject": func(t *testing.T, b *browser, _ core.ID) { _, err := b.m.RevokeSubject(ctx, "alice"); must(t, err) },
}

// try is visit for a request that may be refused.
func (b *browser) try(t *testing.T, handler func(*core.Session)) (core.Out, error) {
	r := b.send()
	handler(r.s)
	out, err := r.respond(200)
	if err != nil && !errors.Is(err, core.ErrEnded) {
		t.Errorf("another request: %v", err)
	}
	return out, err
}

// TestEveryInterleaving lets one or two other requests run whole before each store call of a request, and checks
// what must hold however they meet: an answer of 200 is true, one of 409 has done nothing, and
// what the others were told stays.
func TestEveryInterleaving(t *testing.T) {
	for kind, open := range kinds {
		for visit, visitIt := range visits {
			for first, firstIt := range meanwhile {
				for second := range meanwhile {
					if second != "set" && second != first && !strings.Contains("rotate alice", second) {
						continue
					}
					for _, subject := range []string{"", "alice"} {
						t.Run(strings.Join([]string{kind, visit, first, second, subject}, "/"), func(t *testing.T) {
							for n := 1; n < 20; n++ {
								x := interleaving{t: t, store: open(), subject: subject, visit: visit, visitIt: visitIt, n: n}
								x.others = append(x.others, another{first, firstIt})
								if second != first {
									x.others = append(x.others, another{second, meanwhile[second]})
								}
								if !x.run() {
									return
								}
							}
							t.Error("no end of store calls")
						})
					}
				}
			}
		}
	}
}

type another struct {
	name string
	do   func(*testing.T, *browser, core.ID)
}

type interleaving struct {
	t       *testing.T
	store   driver.Store
	subject string
	visit   string
	visitIt func(*testing.T, *core.Session)
	n       int
	others  []another
}

// run reports whether the request came to its nth store call.
func (x *interleaving) run() bool {
	t := x.t
	fault := storetest.NewFault(x.store)
	m := newManager(t, core.Config{Store: fault.Store(), TouchInterval: time.Hour})
	twin := newManager(t, core.Config{Store: x.store, TouchInterval: time.Hour})
	b := newBrowser(t, m) // the jar: it takes the others' cookies first, then the request's
	var id core.ID
	b.visit(func(s *core.Session) {
		if x.subject != "" {
			must(t, s.Login(x.subject))
		}
		must(t, count.Set(s, 1))
		must(t, s.AddFlash("info", "x"))
		id = s.ID()
	})
	request := b.copyOf()
	fault.Reset()
	jar := &browser{tb: t, m: twin, cookie: b.cookie}
	reached := false
	fault.Before(func(c storetest.Call) error {
		// The second one meets the call after that.
		for i, o := range x.others {
			if c.N == x.n+i {
				reached = true
				o.do(t, jar, id)
			}
		}
		return nil
	})
	r := request.send()
	x.visitIt(t, r.s)
	out, err := r.respond(200)
	fault.Reset()
	if !reached {
		return false
	}
	where := fmt.Sprintf("at call %d", x.n)
	if out.Name != "" {
		jar.cookie = request.cookie
	}
	final := jar.send()
	defer final.x.Discard()
	n, _ := count.Get(final.s)
	live := !final.s.IsNew()
	switch {
	case err != nil && core.HTTPStatus(err) != 409:
		t.Errorf("%s: %v", where, err)
	case err != nil && (n == 99 && x.visit != "save" || out.Name != ""):
		t.Errorf("%s: 409, and count is %d, cookie %q", where, n, out.Value)
	case err == nil && (x.visit == "alice" || x.visit == "bob") && final.s.Subject() != x.visit && !x.revokedUnseen():
		t.Errorf("%s: signed in, and the next page is %q's", where, final.s.Subject())
	case err == nil && sets(x.visit) && live && n != 99 && !x.replacedByOther():
		t.Errorf("%s: 200, and count is %d in %v of %q", where, n, final.s, final.s.Subject())
	}
	x.notTooMany(m, where)
	return true
}

// revokedUnseen reports whether the new session may have been revoked between its record and the end of the old
// one: that is as if it had been a moment later.
func (x *interleaving) revokedUnseen() bool {
	return x.visit == "alice" && slices.ContainsFunc(x.others, func(o another) bool { return o.name == "revoke subject" })
}

// replacedByOther reports whether another request may have begun a session of another user, or after an end, in
// which nothing of the request's is to be.
func (x *interleaving) replacedByOther() bool {
	for _, o := range x.others {
		switch o.name {
		case "bob", "logout", "revoke", "revoke subject":
			return true
		case "alice":
			if x.visit == "bob" || x.visit == "logout, set" || x.subject == "" && x.visit == "alice" {
				return true
			}
		}
	}
	return false
}

// notTooMany checks that what RevokeSubject leaves is nobody's.
func (x *interleaving) notTooMany(m *core.Manager, where string) {
	for _, user := range []string{"alice", "bob"} {
		_, err := m.RevokeSubject(ctx, user)
		must(x.t, err)
	}
	for s, err := range m.All(ctx) {
		must(x.t, err)
		if s.Subject() != "" {
			x.t.Errorf("%s: a session of %q survives RevokeSubject", where, s.Subject())
		}
	}
}

func sets(visit string) bool { return visit != "rotate" && visit != "logout" && visit != "flashes" }
