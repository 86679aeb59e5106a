package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// action is what one request does to a session whose count is 1. want is the count afterwards, or -1 if the session is
// gone.
type action struct {
	name string
	do   func(ctx context.Context, m *core.Manager, s *core.Session) error
	want int
}

var actions = []action{
	{"read", func(_ context.Context, _ *core.Manager, s *core.Session) error { _, err := count.Get(s); return err }, 1}, // this touches, too
	{"write", func(_ context.Context, _ *core.Manager, s *core.Session) error { return count.Set(s, 2) }, 2},
	{"save", func(ctx context.Context, _ *core.Manager, s *core.Session) error {
		return errors.Join(count.Set(s, 2), s.Save(ctx))
	}, 2},
	{"login", func(_ context.Context, _ *core.Manager, s *core.Session) error {
		return errors.Join(count.Set(s, 2), s.Login(s.Subject()))
	}, 2},
	{"rotate", func(_ context.Context, _ *core.Manager, s *core.Session) error { return s.RotateID() }, 1},
	{"logout", func(_ context.Context, _ *core.Manager, s *core.Session) error { return s.Logout() }, -1},
	{"revoke", func(ctx context.Context, m *core.Manager, s *core.Session) error {
		_, err := m.RevokeSubject(ctx, s.Subject())
		return err
	}, -1},
	{"sessions", func(ctx context.Context, m *core.Manager, s *core.Session) error {
		for _, err := range m.Sessions(ctx, s.Subject()) {
			if err != nil {
				return err
			}
		}
		return nil
	}, 1},
	{"all", func(ctx context.Context, m *core.Manager, _ *core.Session) error {
		for _, err := range m.All(ctx) {
			if err != nil {
				return err
			}
		}
		return nil
	}, 1},
}

// Each call of a request fails in turn, before it reaches Redis or because its answer is lost. The request then either
// fails or does everything, and never sees an anonymous session.
func TestNthCallFails(t *testing.T) {
	met := map[string]bool{}
	for name, addrs := range servers(t) {
		for _, lost := range []bool{false, true} {
			for _, d := range actions {
				t.Run(fmt.Sprintf("%s/%s/lost=%t", name, d.name, lost), func(t *testing.T) {
					prefix := fmt.Sprintf("nth:%s:%t:", d.name, lost)
					fault := storetest.NewFault(openStore(t, nil, Config{Prefix: prefix}, addrs...))
					m, err := core.New(core.Config{Store: fault.Store(), Logger: slog.New(slog.DiscardHandler), TouchInterval: time.Microsecond, StoreTimeout: patience})
					ok(t, err)
					defer m.Close()
					for n := 1; nth(t, m, fault, d, n, lost, met); n++ {
						if n == 20 {
							t.Fatal("the request makes too many calls")
						}
					}
				})
			}
		}
	}
	for _, method := range []string{"Load", "Create", "Update", "Touch", "Succeed", "Delete", "BySubject", "All"} {
		if !met[method] {
			t.Errorf("%s never failed", method)
		}
	}
}

// nth performs d on a new session while the nth call fails. It reports whether there was an nth call.
func nth(t *testing.T, m *core.Manager, fault *storetest.Fault, d action, n int, lost bool, met map[string]bool) bool {
	t.Helper()
	subject := fmt.Sprintf("%s-%d", d.name, n)
	begin := func(s *core.Session) error { return errors.Join(count.Set(s, 1), s.Login(subject)) }
	if n == 1 {
		fault.Before(storetest.On("Create"))
		if cookie, err := visit(m, "", begin); !errors.Is(err, driver.ErrUnavailable) || cookie != "" {
			t.Errorf("Create failed: %v, cookie: %t", err, cookie != "")
		}
		met["Create"] = true
	}
	fault.Reset()
	old, err := visit(m, "", begin)
	ok(t, err)
	time.Sleep(5 * time.Microsecond) // so that a Touch is due

	fault.Reset()
	failed := ""
	hook := func(c storetest.Call) error {
		if c.N != n {
			return nil
		}
		failed, met[c.Method] = c.Method, true
		return storetest.Outage(c)
	}
	if lost {
		fault.After(hook)
	} else {
		fault.Before(hook)
	}
	cookie, err := visit(m, old, func(s *core.Session) error { return d.do(background, m, s) })
	fault.Reset()
	what := fmt.Sprintf("call %d (%s) failed, the request said %v", n, failed, err)
	if err != nil && (!errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound)) {
		t.Error(what)
	}
	if failed == "" && err != nil {
		t.Errorf("nothing failed: %v", err)
	}
	got := counted(t, m, cookie)
	switch {
	case err == nil && d.want == -1 && !strings.Contains(cookie, "="): // deleted
	case err == nil && got == d.want:
	case err != nil && got == 1: // as it was
	case err != nil && lost && (got == d.want || got == -1): // done; after a rotation, the old token is worth nothing
	case err != nil && got == -1 && d.name == "revoke": // the session is revoked, and the error is about a later call
	default:
		t.Errorf("%s: the count is %d, before it was 1, done it is %d", what, got, d.want)
	}
	if err == nil && cookie != old && counted(t, m, old) != -1 {
		t.Errorf("%s: the old token is alive beside the new one", what)
	}
	return failed != ""
}

// counted returns the count in a session, or -1 if there is none.
func counted(t *testing.T, m *core.Manager, cookie string) (n int) {
	t.Helper()
	_, err := visit(m, cookie, func(s *core.Session) error { n = count.GetOr(s, -1); return nil })
	ok(t, err)
	return n
}
