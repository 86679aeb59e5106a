package examples_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// The administrator finds one of alice's sessions and ends it. Nobody else may open the pages.
func admin(t *testing.T, s *server) {
	newBrowser(t, s, firefox).asAlice().post("/devices/revoke-others") // ends those of earlier cases
	laptop, phone, b := newBrowser(t, s, firefox).asAlice(), newBrowser(t, s, iphone).asAlice(), newBrowser(t, s, firefox)
	phone.post("/cart/add", "sku", "hat")
	refused(laptop, b)
	b.signIn("admin", "cloakroom")
	b.get(b.first(`<a href="(.*?)">Admin</a>`)).wantAdmin(http.StatusOK, "Overview")
	b.want("who", b.first(`class="who">(.*?)<`), "admin")
	b.get("/admin").wantAdmin(http.StatusOK, "Overview")
	b.get("/admin/nothing").wantAdmin(http.StatusNotFound, "Not Found")
	if !s.lists() {
		endsAll(b)
		laptop.get("/").wantUser("")
		phone.get("/").wantUser("")
		return
	}
	id := phone.get("/devices").current()
	var list struct {
		Total    int
		Sessions []struct{ ID, User string }
	}
	b.do(http.MethodGet, "/admin/sessions?user=alice", nil, http.Header{"Accept": {"application/json"}})
	if err := json.Unmarshal([]byte(b.page), &list); err != nil || list.Total < 2 || list.Sessions[0].User != "alice" {
		t.Errorf("status %d, %v: %s", b.status, err, b.page)
	}
	if links := b.get("/admin/sessions?user=alice").find(`href="session\?id=(\w+)"`); !slices.Contains(links, id) || len(links) != list.Total {
		t.Errorf("the list has the links %q, not %s", links, id)
	}
	b.get("/admin/session?id="+id).wantAdmin(http.StatusOK, "Session")
	b.want("cart", b.first(`<code>cart</code></th><td[^>]*>(.*?)</td>`), `{"hat":1}`)
	b.get("/admin/"+b.first(`href="(revoke\?id=.*?)"`)).wantAdmin(http.StatusOK, "Revoke sessions")
	b.confirm("cross-site").want("status", http.StatusText(b.status), "Forbidden")
	phone.get("/").wantUser("alice")
	b.get("/admin/revoke?id=" + id)
	b.confirm("same-origin").wantAdmin(http.StatusOK, "Sessions revoked")
	phone.get("/").wantUser("")
	laptop.get("/").wantUser("alice")
	s.wantLog(t, "who=admin action=revoke outcome=done ended=1 user=alice session="+id+"\n")
}

// refused: a user has no access, and a visitor comes to the sign-in.
func refused(alice, visitor *browser) {
	alice.t.Helper()
	for _, path := range []string{"/admin/", "/admin/sessions", "/admin/revoke?user=alice"} {
		visitor.get(path)
		visitor.want("the way back", visitor.first(`id="please">.*<code>(.*?)</code>`), path)
		alice.get(path)
		alice.want(path, http.StatusText(alice.status), "Forbidden")
	}
	alice.post("/admin/revoke?user=alice")
	alice.want("POST", http.StatusText(alice.status), "Forbidden")
	alice.get("/").wantUser("alice")
	alice.want("link", alice.first(`href="(/admin.*?)"`), "")
}

// endsAll ends all sessions of alice in a store that cannot list them.
func endsAll(b *browser) {
	b.t.Helper()
	b.get("/admin/sessions?user=alice").wantAdmin(http.StatusNotImplemented, "Not Implemented")
	b.get("/admin/revoke?user=alice").wantAdmin(http.StatusOK, "Revoke sessions")
	b.confirm("same-origin").wantAdmin(http.StatusOK, "Sessions revoked")
	b.s.wantLog(b.t, "who=admin action=revoke_user outcome=done ended=0 user=alice\n")
}

// confirm sends the form of the preview that is shown.
func (b *browser) confirm(site string) *browser {
	b.t.Helper()
	origin := b.s.url
	if site == "cross-site" {
		origin = "https://elsewhere.example"
	}
	action := b.first(`<form method="post" action="(revoke\?.*?)"`)
	return b.do(http.MethodPost, "/admin/"+action, url.Values{}, http.Header{"Sec-Fetch-Site": {site}, "Origin": {origin}})
}

func (b *browser) wantAdmin(status int, heading string) {
	b.t.Helper()
	if got := b.first(`<h1>(.*?)</h1>`); b.status != status || got != heading {
		b.t.Errorf("status %d, %q, want %d, %q: %s", b.status, got, status, heading, b.page)
	}
}

// wantLog waits until the program has written a line.
func (s *server) wantLog(t *testing.T, want string) {
	t.Helper()
	for late := time.Now().Add(patience); !strings.Contains(s.log.String(), want); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Errorf("the log has no %q", want)
			return
		}
	}
}
