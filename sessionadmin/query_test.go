package sessionadmin_test

import (
	"html"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
)

func TestBadQueries(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	alice, _ := z.signIn("alice")
	zeros := strings.Repeat("0", 64)
	for path, want := range map[string]string{
		"sessions?page=-1":                        "A page is a number from 1 to 20",
		"sessions?page=0":                         "A page is a number",
		"sessions?page=21":                        "A page is a number",
		"sessions?page=99999999999999999999":      "A page is a number",
		"sessions?page=one":                       "A page is a number",
		"sessions?befor=now":                      "no parameter &#34;befor&#34;",
		"sessions?user=a&user=b":                  "is there twice",
		"sessions?user=%zz":                       "not valid",
		"sessions?before=yesterday":               "This is no time",
		"sessions?before=0001-01-01":              "This is no time",
		"sessions?before=2999-01-01":              "in the future",
		"sessions?user=" + long(256):              "at most 255 bytes",
		"session":                                 "its ID is missing",
		"session?id=abc":                          "This is no ID",
		"session?id=" + strings.ToUpper(long(64)): "This is no ID",
		"revoke":                                 "Say which sessions",
		"revoke?except=" + alice.String():        "Say which sessions",
		"revoke?user=alice&id=" + alice.String(): "Say which sessions",
		"revoke?user=alice&except=x":             "This is no ID",
		"revoke?user=alice&before=2026;x":        "not valid", // without it, this is all sessions of alice
		"revoke?user=alice&page=2":               "no parameter",
		"revoke?before=now&except=" + zeros:      "", // the zero ID is no ID
	} {
		if want != "" {
			z.get(path).is(400, want)
		}
		if strings.HasPrefix(path, "revoke") && want != "" {
			z.post(path).is(400, want)
		}
	}
	z.get("session?id="+zeros).is(400, "its ID is missing")
	z.get("session?id="+long(64)).is(404, "No live session has this ID")
	if !z.alive(alice) {
		t.Error("a wrong query ended a session")
	}
	if n := strings.Count(z.logged(), "outcome=refused"); n != 6 {
		t.Errorf("%d lines for 6 refused actions: %s", n, z.logged())
	}
}

func long(n int) string { return strings.Repeat("a", n) }

// Names of users are what Login takes: they must come through links and forms unchanged.
func TestStrangeUsers(t *testing.T) {
	z := newSite(t, core.Config{}, sessionadmin.Config{})
	for _, user := range []string{long(255), "a\nb", "a\r\nb", "\x00", "<script>alert(1)</script>", `"'&;+%20`, "\u202eecila", "юзер", " ", "../..?x=1#y"} {
		id, _ := z.signIn(user)
		other, _ := z.signIn(user)
		list := z.get("sessions?user="+url.QueryEscape(user)).is(200, "2 sessions of")
		_, list.body, _ = strings.Cut(list.body, "</form>") // the field holds what was typed into it
		list.lacks("<script", "\u202e", "\x00", long(100)+"</")
		link := z.get(after(t, list.body, `class="button" href="`)).is(200)
		link.lacks("<script", "\u202e")
		z.post(after(t, link.body, `method="post" action="`)).is(200, "<b>2</b> ended")
		if z.alive(id) || z.alive(other) {
			t.Errorf("%q: not ended", user)
		}
	}
}

// after is the address in an attribute.
func after(t *testing.T, body, attribute string) string {
	t.Helper()
	_, rest, found := strings.Cut(body, attribute)
	if !found {
		t.Fatalf("no %s in %s", attribute, body)
	}
	link, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(link)
}

// Whatever the query, the answer is a page with one of the known statuses, and no session ends that is not named.
func FuzzQuery(f *testing.F) {
	z := newSite(f, core.Config{}, sessionadmin.Config{Format: func(string, []byte) string { return "" }})
	alice, _ := z.signIn("alice")
	h, err := sessionadmin.New(sessionadmin.Config{Manager: z.m, Authorize: sessionadmin.WrappedBy("a test")})
	must(f, err)
	f.Add("session", "id="+alice.String())
	f.Add("sessions", "user=alice&before=now&page=1")
	f.Add("revoke", "user=bob&except="+alice.String())
	f.Add("revoke", "before="+time.Now().Format(time.RFC3339))
	f.Add("", "page=%zz;&;")
	f.Fuzz(func(t *testing.T, path, query string) {
		for _, method := range []string{"GET", "POST"} {
			if method == "POST" && (strings.Contains(query, "alice") || strings.Contains(query, "before") || strings.Contains(query, "%") || strings.Contains(query, alice.String())) {
				continue
			}
			r := httptest.NewRequest(method, "/", nil)
			r.URL = &url.URL{Path: "/" + path, RawQuery: query}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			switch w.Code {
			case 200, 302, 400, 403, 404, 405:
			default:
				t.Errorf("%s %q?%q: %d", method, path, query, w.Code)
			}
		}
		if _, err := z.m.Session(ctx, alice); err != nil {
			t.Errorf("%q?%q ended another session", path, query)
		}
	})
}
