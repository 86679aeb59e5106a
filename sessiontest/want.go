package sessiontest

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/coatcheck-go/coatcheck/core"
)

// Session returns the visitor's session as it is stored now, to look at. Changes to it
// are not stored, unless the test calls its Save.
func (v *Visitor) Session() *core.Session {
	v.m.t.Helper()
	v.settle()
	s, err := v.begin().Session(context.Background())
	if err != nil {
		v.m.t.Fatalf("sessiontest: the session of a visitor: %v", err)
	}
	return s
}

// Want checks that the session has this value.
func Want[T any](v *Visitor, key core.Key[T], want T) {
	v.m.t.Helper()
	got, err := key.Get(v.Session())
	switch {
	case err != nil:
		v.m.t.Errorf("the session has no %q: %v; want %v", string(key), err, want)
	case !reflect.DeepEqual(got, want):
		v.m.t.Errorf("the session's %q is %v, want %v", string(key), got, want)
	}
}

// WantNone checks that the session has no value under this key.
func WantNone[T any](v *Visitor, key core.Key[T]) {
	v.m.t.Helper()
	switch got, err := key.Get(v.Session()); {
	case err == nil:
		v.m.t.Errorf("the session's %q is %v, want none", string(key), got)
	case !errors.Is(err, core.ErrNoValue):
		v.m.t.Errorf("the session's %q: %v, want none", string(key), err)
	}
}

// WantSignedIn checks that the session is that of this user; "": that nobody is signed in.
func (v *Visitor) WantSignedIn(user string) {
	v.m.t.Helper()
	if got := v.Session().Subject(); got != user {
		v.m.t.Errorf("signed in is %q, want %q", got, user)
	}
}

// WantFlashes checks the messages that wait for the next page, each as "level: text", and leaves them.
func (v *Visitor) WantFlashes(want ...string) {
	v.m.t.Helper()
	flashes, err := v.Session().PeekFlashes()
	if err != nil {
		v.m.t.Errorf("the messages of the session: %v", err)
	}
	got := []string{}
	for _, f := range flashes {
		got = append(got, f.Level+": "+f.Text)
	}
	if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		v.m.t.Errorf("the messages are %q, want %q", got, want)
	}
}

// WantCookie checks that a response sets the session's cookie, once, and returns it. A cookie that deletes has a
// negative MaxAge.
func (v *Visitor) WantCookie(res *http.Response) *http.Cookie {
	v.m.t.Helper()
	name, n := v.m.Config().Cookie.Name, 0
	for _, c := range res.Cookies() {
		if c.Name == name {
			n++
		}
	}
	if n != 1 {
		v.m.t.Errorf("the response sets the cookie %s %d times, want once", name, n)
		return &http.Cookie{}
	}
	return v.cookieIn(res.Header)
}

// WantNoCookie checks that a response leaves the session's cookie alone. It says nothing about tokens in a header.
func (v *Visitor) WantNoCookie(res *http.Response) {
	v.m.t.Helper()
	if c := v.cookieIn(res.Header); c != nil {
		v.m.t.Errorf("the response sets the cookie %s", c.Name)
	}
}
