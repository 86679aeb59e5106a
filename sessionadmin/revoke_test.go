package sessionadmin_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Each action shows what it would end, ends that and nothing else, and writes one line.
func TestActions(t *testing.T) {
	onStores(t, func(t *testing.T, z *site) {
		for _, c := range []struct {
			action string
			query  func(one, two core.ID) string
			ends   [4]bool // alice's first and second session, bob's, a visitor's
			line   string
		}{
			{"revoke", func(one, _ core.ID) string { return "id=" + one.String() }, [4]bool{true, false, false, false}, "user=alice session="},
			{"revoke_user", func(_, _ core.ID) string { return "user=alice" }, [4]bool{true, true, false, false}, "user=alice\n"},
			{"revoke_others", func(_, two core.ID) string { return "user=alice&except=" + two.String() }, [4]bool{true, false, false, false}, "user=alice except="},
			{"revoke_user_before", func(_, _ core.ID) string { return "user=alice&before=now" }, [4]bool{true, true, false, false}, "user=alice before="},
			{"revoke_all_before", func(_, _ core.ID) string { return "before=now" }, [4]bool{true, true, true, true}, "before="},
		} {
			var ids [4]core.ID
			for i, user := range []string{"alice", "alice", "bob", ""} {
				ids[i], _ = z.signIn(user)
			}
			ends := 0
			for _, is := range c.ends {
				if is {
					ends++
				}
			}
			query := c.query(ids[0], ids[1])
			for _, is := range z.preview(query, c.action, ends) {
				if !c.ends[index(ids, is.ID)] {
					t.Errorf("%s: the preview names a session that stays", c.action)
				}
			}
			for _, id := range ids {
				if !z.alive(id) {
					t.Fatalf("%s: the preview ended a session", c.action)
				}
			}
			before := len(z.logged())
			r := decode[sessionadmin.Result](z, 200, "POST", "revoke?"+query)
			if r.Action != c.action || r.Ended != ends || r.Note != "" {
				t.Errorf("%+v, want %d by %s", r, ends, c.action)
			}
			for i, id := range ids {
				if z.alive(id) == c.ends[i] {
					t.Errorf("%s: session %d is alive: %v", c.action, i, z.alive(id))
				}
			}
			line := z.logged()[before:]
			if strings.Count(line, "\n") != 1 || !strings.Contains(line, "level=INFO") || !strings.Contains(line, "who=olga action="+c.action+" outcome=done ended=") ||
				!strings.Contains(line, c.line) {
				t.Errorf("%s: the line of the log: %s", c.action, line)
			}
			z.post("revoke?before=now")
		}
	})
}

// preview checks the page and the JSON before an action.
func (z *site) preview(query, action string, total int) []sessionadmin.Session {
	z.t.Helper()
	z.get("revoke?"+query).is(200, "would end", `<form method="post" action="revoke?`)
	p := decode[sessionadmin.Preview](z, 200, "GET", "revoke?"+query)
	if p.Action != action || p.Total != total || len(p.Sessions) != total {
		z.t.Errorf("preview of %s: %+v, want %d", action, p, total)
	}
	return p.Sessions
}

func index(ids [4]core.ID, id core.ID) int {
	for i := range ids {
		if ids[i] == id {
			return i
		}
	}
	return len(ids)
}

// The time decides: what began later stays.
func TestRevokeBefore(t *testing.T) {
	clock := storetest.NewClock()
	store := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
	z := newSite(t, core.Config{Store: store, Now: clock.Now}, sessionadmin.Config{})
	for _, query := range []string{"before=", "user=alice&before="} {
		old, _ := z.signIn("alice")
		clock.Advance(time.Hour)
		at := clock.Now().UTC().Format(time.RFC3339Nano)
		clock.Advance(time.Hour)
		young, _ := z.signIn("alice")
		z.preview(query+at, map[string]string{"before=": "revoke_all_before", "user=alice&before=": "revoke_user_before"}[query], 1)
		z.post("revoke?"+query+at).is(200, "<b>1</b> ended")
		if z.alive(old) || !z.alive(young) {
			t.Errorf("%s: the old one is alive: %v, the young one: %v", query, z.alive(old), z.alive(young))
		}
		z.post("revoke?user=alice").is(200)
	}
}

func TestRevokeWhatHasEnded(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	id, _ := z.signIn("alice")
	z.post("revoke?id="+id.String()).is(200, "<b>1</b> ended")
	z.post("revoke?id="+id.String()).is(404, "No live session has this ID")
	z.get("revoke?id=" + id.String()).is(404)
	z.get("revoke?user=alice").is(200, "There is nothing to revoke").lacks("<form method")
	z.post("revoke?user=alice").is(200, "<b>0</b> ended")
	if !strings.Contains(z.logged(), "outcome=failed ended=0 session=") {
		t.Error(z.logged())
	}
}

func TestReadOnly(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{ReadOnly: true})
	id, _ := z.signIn("alice")
	for _, path := range []string{"", "sessions?user=alice", "session?id=" + id.String()} {
		z.get(path).is(200, "read-only").lacks("Revoke", "revoke")
	}
	z.get("revoke?user=alice").is(403, "read-only")
	z.post("revoke?user=alice").is(403, "read-only")
	if n := strings.Count(z.logged(), "level=INFO"); !z.alive(id) || n != 1 || !strings.Contains(z.logged(), "action=revoke_user outcome=refused ended=0 user=alice") {
		t.Errorf("alive %v, log: %s", z.alive(id), z.logged())
	}
}

// A form on another site ends nothing, whatever its browser is.
func TestOtherOrigins(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	id, _ := z.signIn("alice")
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		{"Origin", "https://evil.example", "Accept", "application/json", "Content-Type", "text/plain"},
	} {
		z.send("POST", "revoke?user=alice", headers...).is(403, "came from another site")
	}
	if n := strings.Count(z.logged(), "who=olga action=revoke_user outcome=refused"); !z.alive(id) || n != 5 {
		t.Errorf("alive %v, %d lines: %s", z.alive(id), n, z.logged())
	}
	z.send("POST", "revoke?user=alice", "Origin", strings.TrimSuffix(z.url, "/")).is(200) // an older browser
}

// An outage in the middle: the page and the log say how far it came.
func TestActionsThatFail(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	z.signIn("alice")
	z.signIn("alice")
	z.fault.Before(storetest.On("Delete"))
	z.post("revoke?user=alice").is(503, "does not answer").lacks("ended.")
	deletes := 0
	z.fault.Before(func(c storetest.Call) error {
		if c.Method == "Delete" {
			deletes++
		}
		if deletes == 2 {
			return storetest.Outage(c)
		}
		return nil
	})
	z.post("revoke?user=alice").is(503, "<b>1</b> ended", "This is not all. The store")
	z.fault.Reset()
	z.fault.After(func(c storetest.Call) error {
		if c.Method == "BySubject" {
			return driver.ErrIncomplete
		}
		return nil
	})
	z.post("revoke?user=alice").is(200, "<b>1</b> ended", "There may be more sessions", "perhaps not all")
	for _, line := range []string{"outcome=failed ended=0 user=alice error=", "outcome=failed ended=1 user=alice error=", "outcome=incomplete ended=1 user=alice error="} {
		if !strings.Contains(z.logged(), line) {
			t.Errorf("no %q in the log: %s", line, z.logged())
		}
	}
}

// Sign-ins that never end: it is not done, whatever else is wrong.
func TestActionsThatMeetSignIns(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	z.signIn("")
	for _, left := range []error{nil, driver.ErrUnreadable} {
		z.fault.After(func(c storetest.Call) error {
			if c.Method == "All" {
				z.signIn("")
				return left
			}
			return nil
		})
		soon := time.Now().Add(50 * time.Second).UTC().Format(time.RFC3339Nano)
		z.post("revoke?before="+soon).is(503, "This is not all. Users signed in again and again meanwhile", "ended.")
	}
	if n := strings.Count(z.logged(), "action=revoke_all_before outcome=failed"); n != 2 {
		t.Errorf("%d lines: %s", n, z.logged())
	}
}

// An action is done as a whole, although the operator's browser has gone.
func TestActionsGoOn(t *testing.T) {
	onStores(t, func(t *testing.T, z *site) {
		var ids [2]core.ID
		for i := range ids {
			ids[i], _ = z.signIn("alice")
		}
		h := made.Of(sessionadmin.New(sessionadmin.Config{Manager: z.m, Authorize: sessionadmin.WrappedBy("a test")}))
		gone, cancel := context.WithCancel(ctx)
		cancel()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(gone, "POST", "/revoke?user=alice", nil))
		if z.alive(ids[0]) || z.alive(ids[1]) {
			t.Error("not all were ended")
		}
	})
}
