package sessionadmin_test

import (
	"context"
	"fmt"
	"iter"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestOverview(t *testing.T) {
	onStores(t, func(t *testing.T, z *site) {
		z.signIn("alice")
		z.signIn("")
		p := z.get("").is(200, "No numbers of requests", "sessionadmin.NewStats()")
		o := decode[sessionadmin.Overview](z, 200, "GET", "")
		if o.Store != z.m.Info().Name || o.Time.IsZero() || o.Stats != nil || !o.Answers {
			t.Errorf("%+v", o)
		}
		if o.Store == "memstore" {
			p.is(200, "<dd>2</dd>", "memstore: answers.")
			if o.Sessions == nil || *o.Sessions != 2 {
				t.Errorf("%+v", o)
			}
		} else if p.is(200, "filestore: answers.", "This store cannot count"); o.Sessions != nil || o.Uncounted == "" {
			t.Errorf("%+v", o)
		}
	})
}

func TestOverviewWithStats(t *testing.T) {
	stats := sessionadmin.NewStats()
	z := newSite(t, core.Config{Observer: core.Observers(stats.Observe, nil)}, sessionadmin.Config{Stats: stats})
	z.signIn("alice")
	p := z.get("").is(200, "This process, since its start <time>"+stats.Report().Since.Format("2006-01-02 15:04:05"), "<svg", "Sign-ins <b>1</b>", "at most 1 a minute")
	if n := strings.Count(p.body, "<svg"); n != 8 || strings.Contains(p.body, "NaN") {
		t.Errorf("%d charts: %s", n, p.body)
	}
	o := decode[sessionadmin.Overview](z, 200, "GET", "")
	if o.Stats == nil || o.Stats.Total.Logins != 1 || o.Stats.Minutes[0].Logins != 1 || !o.Stats.Since.Equal(stats.Report().Since) {
		t.Errorf("%+v", o.Stats)
	}
}

// stuck is a store that does not answer a Ping or a Count before the caller's time is over.
type stuck struct{ *filestore.Store }

func (stuck) Ping(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

type stuckCount struct{ *filestore.Store }

func (stuckCount) Count(ctx context.Context, _ [16]byte) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// The overview waits two seconds for a store.
func TestOverviewOfASlowStore(t *testing.T) {
	for want, slow := range map[string]func(*filestore.Store) driver.Store{
		"It did not answer within 2s":              func(s *filestore.Store) driver.Store { return stuck{s} },
		"needs more than 2s to count its sessions": func(s *filestore.Store) driver.Store { return stuckCount{s} },
	} {
		files := made.Of(filestore.New(made.MemoryDir(t)+"/sessions", filestore.Config{}))
		synctest.Test(t, func(t *testing.T) {
			m := made.Of(core.New(core.Config{Store: slow(files), SweepInterval: -1}))
			h := made.Of(sessionadmin.New(sessionadmin.Config{Manager: m, Authorize: sessionadmin.WrappedBy("a test")}))
			start, w := time.Now(), httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if took := time.Since(start); w.Code != 200 || took != 2*time.Second || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%d after %v: %s", w.Code, took, w.Body)
			}
		})
	}
}

func TestFind(t *testing.T) {
	onStores(t, func(t *testing.T, z *site) {
		alice, _ := z.signIn("alice")
		bob, _ := z.signIn("bob")
		visitor, _ := z.signIn("")
		short := func(id core.ID) string { return id.String()[:16] }
		z.get("sessions").is(200, "3 sessions,", short(alice), short(bob), short(visitor), "visitor")
		z.get("sessions?user=&before=").is(200, "3 sessions,").lacks("Revoke these")
		z.get("sessions?user=alice").is(200, "1 session of", short(alice), "Revoke these").lacks(short(bob))
		z.get("sessions?user=nobody").is(200, "0 sessions of").lacks("Revoke these", "<table")
		z.get("sessions?before=now").is(200, "3 sessions that began before")
		z.get("sessions?before=2001-01-01T00:00").is(200, "0 sessions that began before 2001-01-01 00:00:00")
		z.get("session?id="+alice.String()+"+").is(200, alice.String(), "alice", "by passkey", "not kept", "18 B in 1 value", "<code>secret</code>", "hidden")
		z.get("session?id="+short(alice)).is(200, alice.String())
		z.get("session?id=00000000").is(404, "No live session begins with 00000000.")
		z.get("session?id="+short(alice)[:7]).is(400, "the first 8 are enough")
		l := decode[sessionadmin.List](z, 200, "GET", "sessions?user=alice")
		if l.Total != 1 || l.Page != 1 || l.Pages != 1 || l.User != "alice" || l.Sessions[0].ID != alice || l.Sessions[0].Bytes != 18 || l.Sessions[0].Values != nil {
			t.Errorf("%+v", l)
		}
		s := decode[sessionadmin.Session](z, 200, "GET", "session?id="+alice.String())
		if s.ID != alice || s.User != "alice" || s.Device.Method != "passkey" || s.AuthTime.IsZero() || len(s.Values) != 1 || s.Values[0] != (sessionadmin.Value{Key: "secret", Bytes: 12}) {
			t.Errorf("%+v", s)
		}
		if p := decode[sessionadmin.Problem](z, 404, "GET", "session?id="+long(64)); p.Status != 404 || p.Error == "" {
			t.Errorf("%+v", p)
		}
		z.send("GET", "sessions", "Accept", "text/html, application/json").is(200, "<table")
	})
}

func TestPaging(t *testing.T) {
	clock := storetest.NewClock()
	z := newSite(t, core.Config{Now: clock.Now}, sessionadmin.Config{})
	var ids []core.ID
	for range 120 {
		id, _ := z.signIn("alice")
		ids = append(ids, id)
		clock.Advance(time.Minute)
	}
	i := len(ids)
	for page := 1; page <= 3; page++ {
		l := decode[sessionadmin.List](z, 200, "GET", fmt.Sprintf("sessions?user=alice&page=%d", page))
		if l.Total != 120 || l.Page != page || l.Pages != 3 {
			t.Errorf("page %d: %d of %d, %d sessions", page, l.Page, l.Pages, l.Total)
		}
		for _, s := range l.Sessions {
			if i--; s.ID != ids[i] {
				t.Fatalf("page %d: not the last used first", page)
			}
		}
	}
	if i != 0 {
		t.Errorf("%d sessions are on no page", i)
	}
	z.get("sessions?user=alice&page=2").is(200, `rel="prev" href="sessions?user=alice&amp;page=1"`, `rel="next" href="sessions?user=alice&amp;page=3"`)
	z.get("sessions?user=alice&page=20").is(200, "There is no page 20", `rel="prev" href="sessions?user=alice&amp;page=3"`)
	middle := clock.Now().Add(-60*time.Minute - time.Second).UTC().Format(time.RFC3339)
	if l := decode[sessionadmin.List](z, 200, "GET", "sessions?user=alice&before="+middle); l.Total != 60 {
		t.Errorf("%d began before the middle", l.Total)
	}
}

// A list of any length takes a bounded room, and says how many there are.
func TestManySessions(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	for range 2500 {
		x := z.m.Adapter().Begin(ctx, nil)
		s := made.Of(x.Session(ctx))
		must(t, s.Login("alice"))
		made.Of(x.Commit(ctx, 200))
	}
	z.get("sessions?page=20").is(200, "2,500 sessions", "The first 1,000 are listed", "Page 20 of 20")
}

func TestFormat(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{Format: func(key string, raw []byte) string {
		return key + "=<b>" + string(raw) + long(5000)
	}})
	id, _ := z.signIn("alice")
	z.get("session?id="+id.String()).is(200, "secret=&lt;b&gt;&#34;opensesame&#34;aaa", "…").lacks("hidden", "<b>&#34;", long(4000))
	if s := decode[sessionadmin.Session](z, 200, "GET", "session?id="+id.String()); len(s.Values[0].Text) < 5000 {
		t.Errorf("%+v", s.Values)
	}
	z.get("sessions").is(200).lacks("opensesame")
}

func TestDevices(t *testing.T) {
	z := newSite(t, core.Config{Devices: &core.Devices{}}, sessionadmin.Config{})
	x := z.m.Adapter().Begin(ctx, nil)
	x.Client(func() (string, string) { return "<i>Firefox</i>\u202e" + long(200), "192.0.2.77:1234" })
	s := made.Of(x.Session(ctx))
	must(t, s.LoginBy("alice", "pwd+otp"))
	id := s.ID()
	made.Of(x.Commit(ctx, 200))
	z.get("session?id="+id.String()).is(200, "&lt;i&gt;Firefox&lt;/i&gt;", "network 192.0.2.0/24", "by pwd&#43;otp").lacks("<i>", long(80))
	z.get("sessions").is(200, "&lt;i&gt;Firefox").lacks("<i>", long(80))
}

// The page for an outage says so, and nothing of addresses that the error may hold.
func TestStoreDown(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	id, _ := z.signIn("alice")
	z.fault.Before(func(storetest.Call) error { return driver.Unavailable("dial 10.0.0.7:6379", storetest.ErrInjected) })
	for _, path := range []string{"sessions", "sessions?user=alice", "session?id=" + id.String(), "revoke?user=alice", "revoke?id=" + id.String(), "revoke?before=now"} {
		p := z.get(path).is(503, "does not answer")
		if p.lacks("10.0.0.7"); p.header.Get("Retry-After") != "5" {
			t.Errorf("%s: %v", path, p.header)
		}
	}
	z.get("").is(200, "The store did not answer.")
	if !strings.Contains(z.logged(), "10.0.0.7") {
		t.Errorf("the log does not say why: %s", z.logged())
	}
}

func TestListsThatAreNotWhole(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	id, _ := z.signIn("alice")
	for err, want := range map[error]string{driver.ErrIncomplete: "There may be more sessions", driver.ErrUnreadable: "There are also sessions", driver.ErrCorrupt: "There are also records"} {
		z.fault.After(func(c storetest.Call) error {
			if c.Method == "BySubject" || c.Method == "All" {
				return fmt.Errorf("at the end: %w", err)
			}
			return nil
		})
		z.get("sessions").is(200, want, id.String()[:16], `class="note"`)
		z.get("sessions?user=alice").is(200, want, id.String()[:16])
		z.get("revoke?user=alice").is(200, want, "Revoke them")
		if l := decode[sessionadmin.List](z, 200, "GET", "sessions"); !strings.Contains(l.Note, want) || l.Total != 1 {
			t.Errorf("%+v", l)
		}
	}
}

// slow takes more than a second for each record of a walk.
type slow struct{ *memstore.Store }

func (s slow) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		for rec, err := range s.Store.All(ctx) {
			if time.Sleep(1100 * time.Millisecond); !yield(rec, err) {
				return
			}
		}
	}
}

func TestListThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := made.Of(core.New(core.Config{Store: slow{made.Of(memstore.New(memstore.Config{}))}, SweepInterval: -1}))
		defer m.Close()
		for range 30 {
			x := m.Adapter().Begin(ctx, nil)
			must(t, made.Of(x.Session(ctx)).Login("alice"))
			made.Of(x.Commit(ctx, 200))
		}
		h := made.Of(sessionadmin.New(sessionadmin.Config{Manager: m, Authorize: sessionadmin.WrappedBy("a test")}))
		start, w := time.Now(), httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/sessions", nil))
		if took := time.Since(start); w.Code != 200 || took > 11*time.Second || !strings.Contains(w.Body.String(), "not listed the rest within 10s") || !strings.Contains(w.Body.String(), "9 sessions") {
			t.Errorf("%d after %v: %s", w.Code, took, w.Body)
		}
	})
}

// A session that this process cannot read can still be ended.
func TestUnreadableSession(t *testing.T) {
	for _, keyed := range []bool{true, false} {
		dir := made.MemoryDir(t) + "/sessions"
		z := newSite(t, core.Config{Store: made.Of(filestore.New(dir, filestore.Config{})), Keys: made.Of(keyring.New(keyring.Generate("k1")))}, sessionadmin.Config{})
		id, _ := z.signIn("alice")
		if keyed {
			z = newSite(t, core.Config{Store: made.Of(filestore.New(dir, filestore.Config{})), Keys: made.Of(keyring.New(keyring.Generate("k2")))}, sessionadmin.Config{})
			z.get("session?id="+id.String()).is(503, "cannot read the session")
			z.get("sessions").is(200, "There are also sessions")
		} else {
			file := filepath.Join(dir, id.String()[:2], id.String()[2:])
			data := made.Of(os.ReadFile(file))
			data[len(data)-40] ^= 1
			must(t, os.WriteFile(file, data, 0o600))
			z.get("session?id="+id.String()).is(500, "damaged")
		}
		z.get("revoke?id="+id.String()).is(200, "It can be revoked by its ID", "Whoever uses it", "Revoke it")
		z.post("revoke?id="+id.String()).is(200, "<b>1</b> ended")
		z.get("session?id=" + id.String()).is(404)
	}
}

// The store of tokens has no lists. What it can end, it ends.
func TestCookieStore(t *testing.T) {
	keys := made.Of(keyring.New(keyring.Generate("k1")))
	z := newSite(t, core.Config{Store: made.Of(cookiestore.New(keys, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cookiestore.Config{}))}, sessionadmin.Config{})
	id, cookie := z.signIn("alice")
	_, other := z.signIn("alice")
	for _, path := range []string{"sessions", "sessions?user=alice", "session?id=" + id.String(), "revoke?before=now", "revoke?user=alice&before=now"} {
		z.get(path).is(501, "keeps sessions with the clients")
	}
	z.get("").is(200, "cookiestore", "This store cannot count")
	z.get("revoke?id="+id.String()).is(200, "take the ID from the log", "Revoke it")
	z.post("revoke?id="+id.String()).is(200, "cannot tell how many")
	if z.live(cookie) || !z.live(other) {
		t.Error("not this session was ended")
	}
	if r := decode[sessionadmin.Result](z, 200, "POST", "revoke?id="+id.String()); r.Ended != 0 || r.Note == "" {
		t.Errorf("%+v: nobody knows whether it was alive", r)
	}
	z.get("revoke?user=alice").is(200, "Revoke them")
	z.post("revoke?user=alice").is(200, "cannot tell how many")
	if z.live(other) {
		t.Error("the user's sessions go on")
	}
	z.post("revoke?before=now").is(501, "keeps sessions with the clients")

	z = newSite(t, core.Config{Store: made.Of(cookiestore.New(keys, cookiestore.NoRevocation(), cookiestore.Config{}))}, sessionadmin.Config{})
	for _, path := range []string{"sessions", "revoke?user=alice", "revoke?id=" + id.String()} {
		z.get(path).is(501, "NoRevocation", "They end at their deadline")
	}
	z.post("revoke?user=alice").is(501, "NoRevocation")
}

// live reports whether a cookie still gives access.
func (z *site) live(cookie string) bool {
	x := z.m.Adapter().Begin(ctx, map[string][]string{"Cookie": {cookie}})
	s, err := x.Session(ctx)
	must(z.t, err)
	defer x.Discard()
	return !s.IsNew()
}

// userOnly is a store like memcached, which cannot list all sessions.
type userOnly struct{ *memstore.Store }

func (userOnly) All() {}

func TestStoreWithoutAll(t *testing.T) {
	z := newSite(t, core.Config{Store: userOnly{made.Of(memstore.New(memstore.Config{}))}}, sessionadmin.Config{})
	z.signIn("alice")
	z.get("sessions").is(501, "cannot list all sessions", "Choose a user")
	z.get("revoke?before=now").is(501, "Choose a user")
	z.get("sessions?user=alice").is(200, "1 session of")
	z.post("revoke?user=alice").is(200, "<b>1</b> ended")
}
