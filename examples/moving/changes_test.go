package moving_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// titles are the names that the tables of docs/moving/README.md give to the applications.
var titles = map[string]string{
	"gincontrib/before":    "gin-contrib/sessions, Redis",
	"gorilla/before":       "gorilla/sessions, files",
	"scs/before":           "scs, Redis",
	"echocontrib/before":   "echo-contrib/session, cookie",
	"echocontribv4/before": "echo-contrib/session, cookie",
	"fiberv2/before":       "Fiber v2, Redis",
	"fiberv3/before":       "Fiber v3, Redis",
}

// each runs f for each application, and looks for the line of a table that it returns.
func each(t *testing.T, applications []string, f func(t *testing.T, name string) []string) {
	for _, library := range applications {
		for _, version := range []string{"/before", "/after"} {
			t.Run(library+version, func(t *testing.T) {
				t.Parallel()
				title := titles[library+version]
				if title == "" {
					title = "**coatcheck**"
				}
				wantLine(t, "README.md", "| "+strings.Join(append([]string{title}, f(t, library+version)...), " | ")+" |")
			})
		}
	}
}

func open(t *testing.T, name string) *browser {
	library, _, _ := strings.Cut(name, "/")
	return newBrowser(t, start(t, name, environment(t, library)...))
}

// The cookie, with the settings that the library has if nobody changes them.
func TestCookies(t *testing.T) {
	each(t, libraries, func(t *testing.T, name string) []string {
		alice := open(t, name)
		alice.get("/me")
		reads := "no"
		if len(alice.lines) > 0 {
			reads = "yes"
		}
		alice.get("/")
		c, err := http.ParseSetCookie(strings.Join(alice.lines, ""))
		if err != nil {
			t.Fatal(err)
		}
		var has []string
		if c.HttpOnly {
			has = append(has, "HttpOnly")
		}
		if c.Secure {
			has = append(has, "Secure")
		}
		if c.SameSite != 0 {
			has = append(has, map[http.SameSite]string{http.SameSiteLaxMode: "SameSite=Lax", http.SameSiteNoneMode: "SameSite=None"}[c.SameSite])
		}
		if has == nil {
			has = []string{"none"}
		}
		return []string{"`" + c.Name + "`", strings.Join(has, ", "), fmt.Sprint(c.MaxAge), reads}
	})
}

func TestOldCookies(t *testing.T) {
	each(t, libraries, func(t *testing.T, name string) []string {
		alice := open(t, name)
		whose := func(b *browser) string {
			switch got := b.get("/me"); got {
			case `200 you are "alice"`:
				return "signed in"
			case `200 you are ""`:
				return "anonymous"
			default:
				return got[:3]
			}
		}
		alice.get("/")
		planted := alice.copy()
		alice.post("/sign-in", "name", "alice")
		stolen, junk := alice.copy(), alice.copy()
		row := []string{whose(planted)}
		alice.post("/sign-out")
		row = append(row, whose(stolen))
		for name := range junk.cookies {
			junk.cookies[name] = "junk"
		}
		return append(row, whose(junk))
	})
}

func TestOutage(t *testing.T) {
	each(t, []string{"gincontrib", "scs", "fiberv2", "fiberv3"}, func(t *testing.T, name string) []string {
		own := startserver.Redis(t)
		alice := newBrowser(t, start(t, name, "REDIS="+own.Addr))
		alice.post("/sign-in", "name", "alice")
		own.Kill()
		var row []string
		for _, answer := range []string{alice.get("/me"), alice.get("/")} {
			status := answer[:3]
			if answer == `200 you are ""` {
				status = "200, anonymous"
			}
			row = append(row, status)
		}
		if len(alice.cookies) == 0 {
			t.Error("the cookie was deleted")
		}
		return row
	})
}
