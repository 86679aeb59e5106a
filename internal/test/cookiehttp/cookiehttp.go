// Package cookiehttp proves over net/http that RevokeSubject and a changed password work with the cookie store, on
// two nodes that share nothing but the keys and the store of revoked sessions.
package cookiehttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
)

// Run runs all tests. fresh makes an empty storage, and returns what opens a handle on it: one for each node.
func Run(t *testing.T, fresh func(testing.TB) func(testing.TB) driver.Store) {
	for name, test := range map[string]func(*testing.T, *site){
		"a changed password":     changedPassword,
		"requests under way":     underWay,
		"ended, and then named":  endedAndThenNamed,
		"two calls at once":      twoAtOnce,
		"rotation without pause": withoutPause,
		"namespaces":             namespaces,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, &site{open: fresh(t), keys: made.Of(keyring.New(keyring.Generate("k1")))})
		})
	}
}

// site is an application on several nodes.
type site struct {
	open func(testing.TB) driver.Store
	keys *keyring.Keyring
}

// node is one server of the application.
type node struct {
	m       *core.Manager
	url     string
	arrived chan struct{} // a handler waits
	goOn    chan struct{}
}

const visits core.Key[int] = "visits"

func (s *site) node(t *testing.T, cfg core.Config) *node {
	t.Helper()
	cfg.Store = made.Of(cookiestore.New(s.keys, cookiestore.RevokeIn(unclosed{s.open(t)}), cookiestore.Config{}))
	cfg.TouchInterval = time.Millisecond // every page is also a touch
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.StoreTimeout = 30 * time.Second
	n := &node{m: made.Of(core.New(cfg)), arrived: make(chan struct{}), goOn: make(chan struct{})}
	server := httptest.NewServer(httpsession.New(n.m)(httpsession.Handle(n.serve)))
	n.url = server.URL
	t.Cleanup(func() { server.Close(); _ = n.m.Close() })
	return n
}

// unclosed is a store that whoever opened it closes.
type unclosed struct{ driver.Store }

func (u unclosed) Abilities() driver.Abilities {
	can := driver.AbilitiesOf(u.Store)
	can.Closer = nil
	return can
}

// serve does the steps that the request names, and answers with the user.
func (n *node) serve(w http.ResponseWriter, r *http.Request, s *core.Session) {
	for step := range strings.SplitSeq(r.URL.Query().Get("do"), ",") {
		if err := n.do(r, s, step); err != nil {
			http.Error(w, step+": "+err.Error(), core.HTTPStatus(err))
			return
		}
	}
	fmt.Fprint(w, s.Subject())
}

func (n *node) do(r *http.Request, s *core.Session, step string) (err error) {
	ctx := r.Context()
	switch step {
	case "read":
	case "wait":
		n.arrived <- struct{}{}
		<-n.goOn
	case "set":
		err = visits.Update(s, func(n int) int { return n + 1 })
	case "login":
		err = s.Login("alice")
	case "login again":
		if s.Subject() != "" {
			err = s.Login(s.Subject())
		}
	case "rotate":
		err = s.RotateID()
	case "save":
		err = s.Save(ctx)
	case "others":
		_, err = n.m.RevokeSubject(ctx, s.Subject(), s.ID())
	case "others apart": // code that has no request
		_, err = n.m.RevokeSubject(context.Background(), s.Subject(), s.ID())
	case "everywhere":
		_, err = n.m.RevokeSubject(ctx, "alice")
	default:
		err = errors.New("no such step")
	}
	return err
}

// browser is a client with one cookie.
type browser struct{ cookie string }

// do sends a request, and returns the status and the user.
func (b *browser) do(t *testing.T, n *node, steps string) (status int, user string) {
	t.Helper()
	r := made.Of(http.NewRequest("GET", n.url+"/?do="+strings.ReplaceAll(steps, " ", "+"), nil))
	if b.cookie != "" {
		r.Header.Set("Cookie", b.cookie)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	for _, c := range resp.Cookies() {
		if b.cookie = c.Name + "=" + c.Value; c.MaxAge < 0 {
			b.cookie = ""
		}
	}
	return resp.StatusCode, string(body)
}

// expect does the steps and checks the user.
func (b *browser) expect(t *testing.T, n *node, steps, user string) {
	t.Helper()
	if status, got := b.do(t, n, steps); status != 200 || got != user {
		t.Errorf("%s: %d, %q, want %q", steps, status, got, user)
	}
}

// copyOf is a thief's copy of the cookie.
func (b *browser) copyOf() *browser { return &browser{b.cookie} }

func (b *browser) alive(t *testing.T, n *node) bool {
	t.Helper()
	_, user := b.copyOf().do(t, n, "read")
	return user != ""
}

func signIn(t *testing.T, n *node) *browser {
	t.Helper()
	b := new(browser)
	b.expect(t, n, "login,set", "alice")
	return b
}

// Whatever the handler of a changed password does, and in whatever order, this session stays and all others end.
func changedPassword(t *testing.T, s *site) {
	a, b := s.node(t, core.Config{}), s.node(t, core.Config{})
	for _, c := range []struct {
		steps   string
		renewed bool // copies of the cookie end, too
	}{
		{"others", false}, {"rotate,others", true}, {"others,rotate", true}, {"rotate,save,others", true}, {"others,save,rotate", true},
		{"login,others", true}, {"others,login", true}, {"set,others,set", false}, {"others,others,rotate", true}, {"set,save,others,save,set", false},
		{"others apart", false}, {"rotate,others apart", true}, {"others apart,rotate", true}, {"login,others apart", true}, {"others apart,login", true},
	} {
		laptop, phone := signIn(t, a), signIn(t, b)
		copied := laptop.copyOf()
		laptop.expect(t, b, c.steps, "alice")
		if phone.alive(t, a) || phone.alive(t, b) {
			t.Errorf("%s: the other session is alive", c.steps)
		}
		if copied.alive(t, a) == c.renewed {
			t.Errorf("%s: a copy of this session's cookie: alive = %v", c.steps, c.renewed)
		}
		for range 2 { // the next cookie stands on its own, and so does the one after that
			laptop.expect(t, a, "set", "alice")
			laptop.expect(t, b, "read", "alice")
		}
		tablet := signIn(t, b)
		laptop.expect(t, b, "others", "alice")
		laptop.expect(t, a, "rotate", "alice")
		if !laptop.alive(t, b) || tablet.alive(t, a) {
			t.Errorf("%s: the second time: alive = %v, the other one = %v", c.steps, laptop.alive(t, b), tablet.alive(t, a))
		}
		laptop.expect(t, a, "everywhere", "")
		if laptop.cookie != "" || laptop.alive(t, b) {
			t.Errorf("%s: signed out everywhere, and alive", c.steps)
		}
	}
}

// A request that loaded its session before the call ends with it, and gets no cookie.
func underWay(t *testing.T, s *site) {
	a, b := s.node(t, core.Config{}), s.node(t, core.Config{})
	for steps, want := range map[string]int{"read": 200, "set": 409, "rotate": 409, "login again": 409, "set,save": 409, "rotate,set": 409} {
		laptop, phone := signIn(t, a), signIn(t, b)
		slow := phone.copyOf()
		var status int
		var done sync.WaitGroup
		done.Go(func() { status, _ = slow.do(t, a, "wait,"+steps) })
		<-a.arrived
		laptop.expect(t, b, "others", "alice")
		a.goOn <- struct{}{}
		done.Wait()
		if status != want || slow.cookie != phone.cookie {
			t.Errorf("%s: %d, want %d; a new cookie: %v", steps, status, want, slow.cookie != phone.cookie)
		}
		if phone.alive(t, a) || slow.alive(t, b) || !laptop.alive(t, a) {
			t.Errorf("%s: alive: %v, %v, and this session %v", steps, phone.alive(t, a), slow.alive(t, b), laptop.alive(t, a))
		}
	}
}

// A session that was ended stays ended, also if the request that had loaded it names it in a call of its own.
func endedAndThenNamed(t *testing.T, s *site) {
	a, b := s.node(t, core.Config{}), s.node(t, core.Config{})
	for _, steps := range []string{"others", "others,set", "rotate,others", "others,rotate", "login again,others", "others,login again"} {
		laptop, thief := signIn(t, a), signIn(t, b)
		var done sync.WaitGroup
		done.Go(func() { thief.do(t, a, "wait,"+steps) })
		<-a.arrived
		laptop.expect(t, b, "others", "alice")
		a.goOn <- struct{}{}
		done.Wait()
		if thief.alive(t, a) || thief.alive(t, b) {
			t.Errorf("%s: a session that was ended is back", steps)
		}
	}
}

// Of two devices that sign out all others at once, one at most stays.
func twoAtOnce(t *testing.T, s *site) {
	a, b := s.node(t, core.Config{}), s.node(t, core.Config{})
	for range 10 {
		laptop, phone := signIn(t, a), signIn(t, b)
		var done sync.WaitGroup
		done.Go(func() { laptop.do(t, a, "others,set") })
		done.Go(func() { phone.do(t, b, "rotate,others") })
		done.Wait()
		if laptop.alive(t, b) && phone.alive(t, a) {
			t.Fatal("both are alive")
		}
	}
}

// Clients that rotate, sign in again and write without pause do not escape.
func withoutPause(t *testing.T, s *site) {
	nodes := []*node{s.node(t, core.Config{}), s.node(t, core.Config{})}
	for round := range 5 {
		clients := make([]*browser, 6)
		stop := make(chan struct{})
		var all sync.WaitGroup
		for i := range clients {
			clients[i] = signIn(t, nodes[i%2])
			steps := []string{"rotate", "login again", "set"}[i%3]
			all.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
						clients[i].do(t, nodes[n%2], steps)
					}
				}
			})
		}
		if n, err := nodes[round%2].m.RevokeSubject(t.Context(), "alice"); n != 0 || err != nil {
			t.Error("RevokeSubject:", n, err)
		}
		close(stop)
		all.Wait()
		for i, c := range clients {
			if c.alive(t, nodes[0]) || c.alive(t, nodes[1]) {
				t.Errorf("round %d: client %d is alive", round, i)
			}
		}
	}
}

// A user of the shop is not the user of the staff's site with the same name.
func namespaces(t *testing.T, s *site) {
	shop, staff := s.node(t, core.Config{}), s.node(t, core.Config{Namespace: "staff"})
	alice, operator := signIn(t, shop), signIn(t, staff)
	if _, err := shop.m.RevokeSubject(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if alice.alive(t, shop) || !operator.alive(t, staff) {
		t.Errorf("alive in the shop: %v, among the staff: %v", alice.alive(t, shop), operator.alive(t, staff))
	}
}
