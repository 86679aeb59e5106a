package core_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// nested is one request of two managers.
type nested struct {
	outer, inner *core.Exchange
}

func newNested(t *testing.T, outer, inner *core.Manager, cookie string) *nested {
	o := outer.Adapter().Begin(ctx, nil)
	return &nested{o, inner.Adapter().Begin(o.Context(), http.Header{"Cookie": {cookie}})}
}

func (n *nested) session(t *testing.T) *core.Session {
	t.Helper()
	s, err := n.inner.Session(ctx)
	must(t, err)
	return s
}

// Given a page that has just taken a session over, and whose response is still on its way, when a Logout with the old cookie
// comes, then it must not be answered as done: the page's cookie would sign the user in afterwards.
func TestLogoutRightAfterAnotherAdopted(t *testing.T) {
	old := &legacy{justNow: true}
	m := newManager(t, core.Config{Adopt: old.adopt})
	slow, quick := newBrowser(t, m), newBrowser(t, m)
	slow.cookie, quick.cookie = "old=1", "old=1"
	slow.visit(read) // and the browser has not seen the answer yet
	r := quick.send()
	must(t, r.s.Logout())
	_, err := r.respond(200)
	n := sessions(t, m)
	if err == nil && n > 0 {
		t.Errorf("the Logout was answered as done, and %d sessions stand", n)
	}
	if err != nil && core.HTTPStatus(err) != 409 {
		t.Error(err)
	}
}

// Whatever becomes of the request, Taken is called if our session stands.
func TestNestedAdoptionIsToldOf(t *testing.T) {
	for name, do := range map[string]func(n *nested, s *core.Session){
		"Save, then 500": func(n *nested, s *core.Session) {
			must(t, s.Save(ctx))
			_, err := n.inner.Commit(ctx, 500)
			must(t, err)
			_, err = n.outer.Commit(ctx, 500)
			must(t, err)
			must(t, n.inner.Finish(ctx))
			must(t, n.outer.Finish(ctx))
		},
		"Save, then a panic": func(n *nested, s *core.Session) {
			must(t, s.Save(ctx))
			n.inner.Discard()
			n.outer.Discard()
		},
		"a panic after the header": func(n *nested, s *core.Session) {
			_, err := n.inner.Commit(ctx, 200)
			must(t, err)
			_, err = n.outer.Commit(ctx, 200)
			must(t, err)
			n.inner.Discard()
			n.outer.Discard()
		},
	} {
		old := &legacy{}
		outer := newManager(t, core.Config{Cookie: core.Cookie{Name: "__Host-outer"}})
		inner := newManager(t, core.Config{Adopt: old.adopt})
		n := newNested(t, outer, inner, "old=1")
		do(n, n.session(t))
		if stands := sessions(t, inner); (stands == 1) != old.taken {
			t.Errorf("%s: %d sessions stand, taken: %t", name, stands, old.taken)
		}
	}
}

// The takeover over a visitor's session is a Login, which stays when the outer manager fails.
func TestNestedAdoptionOverAVisitorStays(t *testing.T) {
	old := &legacy{}
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	outer := newManager(t, core.Config{Store: fault.Store(), Cookie: core.Cookie{Name: "__Host-outer"}})
	inner := newManager(t, core.Config{Adopt: old.adopt})
	b := newBrowser(t, inner)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	n := newNested(t, outer, inner, b.cookie+"; old=1")
	n.session(t)
	os, err := n.outer.Session(ctx)
	must(t, err)
	must(t, count.Set(os, 1))
	fault.Before(storetest.Outage)
	_, err = n.inner.Commit(ctx, 200)
	must(t, err)
	out, err := n.outer.Commit(ctx, 200)
	if err == nil {
		t.Fatal("no outage")
	}
	_ = n.inner.Finish(ctx)
	_ = n.outer.Finish(ctx)
	lines := 0
	for _, v := range out.Lines() {
		if strings.HasPrefix(v, "old=;") || strings.HasPrefix(v, "__Host-session=") {
			lines++
		}
	}
	if n := sessions(t, inner); n != 1 || !old.taken {
		t.Errorf("%d sessions, %d lines, taken: %t", n, lines, old.taken)
	}
}

// A Login with a password needs no takeover, also below another manager.
func TestNestedLoginOverAnAdoption(t *testing.T) {
	old := &legacy{}
	outer := newManager(t, core.Config{Cookie: core.Cookie{Name: "__Host-outer"}})
	inner := newManager(t, core.Config{Adopt: old.adopt})
	n := newNested(t, outer, inner, "old=1")
	s := n.session(t)
	old.taken = true // by another request
	must(t, s.Login("alice"))
	out, err := n.inner.Commit(ctx, 200)
	must(t, err)
	_, err = n.outer.Commit(ctx, 200)
	must(t, err)
	must(t, n.inner.Finish(ctx))
	must(t, n.outer.Finish(ctx))
	if got := sessions(t, inner); got != 1 {
		t.Errorf("%d sessions after a Login that was answered with the cookie %q", got, out.Name)
	}
}

// Two tabs at once, below another manager: the loser's cookie must not replace the winner's by one that opens nothing.
func TestNestedTwoTabs(t *testing.T) {
	old := &legacy{}
	outer := newManager(t, core.Config{Cookie: core.Cookie{Name: "__Host-outer"}})
	inner := newManager(t, core.Config{Adopt: old.adopt})
	jar := newBrowser(t, inner)
	tabs := []*nested{newNested(t, outer, inner, "old=1"), newNested(t, outer, inner, "old=1")}
	for _, n := range tabs {
		n.session(t)
	}
	for _, n := range tabs {
		out, err := n.inner.Commit(ctx, 200)
		must(t, err)
		_, err = n.outer.Commit(ctx, 200)
		must(t, err)
		if out.Name != "" {
			jar.cookie, _, _ = strings.Cut(out.Value, ";")
		}
		must(t, n.inner.Finish(ctx))
		must(t, n.outer.Finish(ctx))
	}
	if _, live := jar.value(count); !live {
		t.Errorf("the browser is signed out: its cookie opens nothing, and %d sessions stand", sessions(t, inner))
	}
}

// A request that stores nothing must not end the other session.
func TestUncommittedAdoptionOverAVisitor(t *testing.T) {
	old := &legacy{}
	m := newManager(t, core.Config{Adopt: old.adopt})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	b.cookie += "; old=1"
	r := b.send()
	_ = r.x.Finish(ctx) // no response was committed
	if old.taken {
		t.Error("taken, and nothing was stored")
	}
}

// A Logout must end an old session, too, whose values the codec refuses.
func TestLogoutOfAnAdoptionThatIsRefused(t *testing.T) {
	for name, a := range map[string]core.Adoption{
		"value":   {Subject: "alice", Values: map[string]any{"a": make(chan int)}},
		"subject": {Subject: "\xff"},
		"key":     {Subject: "alice", Values: map[string]any{"": 1}},
	} {
		taken := false
		a.Taken = func(context.Context) error { taken = true; return nil }
		m := newManager(t, core.Config{Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) { return &a, nil }})
		b := newBrowser(t, m)
		b.cookie = "old=1"
		r := b.send()
		err := r.s.Logout()
		if err == nil {
			_, err = r.respond(200)
		}
		if err == nil && !taken {
			t.Errorf("%s: the Logout was answered as done, and the old session lives", name)
		}
	}
}

// A Forget that names our own cookie would sign everybody out.
func TestAdoptionForgetsOurOwnCookie(t *testing.T) {
	m := newManager(t, core.Config{Cookie: core.Cookie{Name: "session"}, Adopt: func(_ context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
		return &core.Adoption{Subject: "alice", Forget: []*http.Cookie{{Name: "session"}}}, nil
	}})
	b := newBrowser(t, m)
	b.cookie = "session=junk"
	r := b.send()
	out, err := r.respond(200)
	for _, v := range out.Lines() {
		if err == nil && strings.HasPrefix(v, "session=;") {
			t.Errorf("our cookie and its deletion: %v", v)
		}
	}
}

// An error of Adopt stays an outage for a Logout, whatever it matches.
func TestAdoptIsUnreadable(t *testing.T) {
	m := newManager(t, core.Config{Adopt: func(_ context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
		return nil, core.ErrUnreadable
	}})
	x := m.Adapter().Begin(ctx, http.Header{"Cookie": {"old=1"}})
	s, err := x.Session(ctx)
	if core.HTTPStatus(err) != 503 {
		t.Error(err)
	}
	err = s.Logout()
	if err == nil {
		_, err = x.Commit(ctx, 200)
	}
	if err == nil {
		t.Error("a Logout that left the old session was answered as done")
	}
}

// Given a RotateID whose answer was lost and that the client sent again, when another request has written on top in between,
// then the browser gets the token that the record takes.
func TestRotateIDSentTwiceAndOvertaken(t *testing.T) {
	inner := made.Of(memstore.New(memstore.Config{}))
	fault := storetest.NewFault(inner)
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	second := b.copyOf().send()
	r := b.send()
	must(t, r.s.RotateID())
	done := false
	fault.After(func(c storetest.Call) error {
		if c.Method != "Update" || done {
			return nil
		}
		done = true
		must(t, count.Set(second.s, 7))
		if _, err := second.respond(200); err != nil {
			t.Log("the other:", err)
		}
		return core.ErrConflict
	})
	out, err := r.respond(200)
	must(t, err)
	if n, live := b.value(count); !live || n != 7 {
		t.Errorf("signed out: %v", out)
	}
}
