package rolling

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

var (
	users = rounds.Of(8, 24)
	turns = rounds.Of(4, 10) // of each user's requests, in each phase
)

// TestRollingDeployment: given users who signed in to this release, when the next one, with newer formats, runs beside
// it and then alone, then nobody is signed out and nothing is lost. The old server answers 503 to a session that the
// new one has written; but to a cookie that carries it, as to none, and leaves it alone while it only reads.
func TestRollingDeployment(t *testing.T) {
	old, next := build(t)
	inFiles := func(t *testing.T) string { return filepath.Join(t.TempDir(), "sessions") }
	inSQLite := func(t *testing.T) string {
		return filepath.Join(t.TempDir(), "sessions.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(100)"
	}
	for name, at := range map[string]func(*testing.T) string{
		"filestore":     inFiles,
		"redisstore":    func(t *testing.T) string { return startserver.Redis(t).Addr },
		"memcachestore": func(t *testing.T) string { return startserver.Memcached(t).Addr },
		"gormstore":     inSQLite,
		"cookiestore":   func(*testing.T) string { return keyring.Generate("k").Reveal() },
		// With Config.Keys, over a store with a format of its own and one without.
		"redisstore, sealed": func(t *testing.T) string { return startserver.Redis(t).Addr },
		"gormstore, sealed":  inSQLite,
		// The entries of a cache that has a format of its own, and of one that has none.
		"cachedstore on memcachestore": func(t *testing.T) string { return inFiles(t) + " " + startserver.Memcached(t).Addr },
		"cachedstore on gormstore":     func(t *testing.T) string { return inFiles(t) + " " + inSQLite(t) },
	} {
		t.Run(name, func(t *testing.T) {
			address, keys := at(t), ""
			store, sealed := strings.CutSuffix(name, ", sealed")
			if sealed {
				keys = keyring.Generate("k").Reveal()
			}
			oldURL, stop := start(t, old, store, address, keys)
			all := make([]*user, users)
			for i := range all {
				all[i] = &user{t: t, name: fmt.Sprintf("user%d", i), old: oldURL, inCookie: store == "cookiestore"}
			}
			each(all, func(u *user) {
				u.visit(oldURL, "/login?user="+u.name)
				u.alternate(oldURL)
			})
			newURL, _ := start(t, next, store, address, keys)
			each(all, func(u *user) { u.alternate(oldURL, newURL) })
			stop()
			lost := 0
			each(all, func(u *user) { u.old = ""; u.visit(newURL, "/read"); u.alternate(newURL) })
			for _, u := range all {
				lost += u.lost
				if u.right == 0 || u.lost == 0 {
					t.Errorf("%s: %d right, %d times not served by the old server: no newer format was met", u.name, u.right, u.lost)
				}
			}
			t.Logf("%d times not served by the old server", lost)
		})
	}
}

func each(all []*user, visit func(*user)) {
	var wg sync.WaitGroup
	for _, u := range all {
		wg.Go(func() { visit(u) })
	}
	wg.Wait()
}

// user is a browser, and what it knows of its session.
type user struct {
	t           *testing.T
	name        string
	old         string // the old server's URL
	inCookie    bool   // the cookie carries the session
	cookie      string
	newer       bool // written by the next release
	n           int  // increments that were acknowledged
	right, lost int
}

// alternate sends requests to the servers in turns, a read after each increment.
func (u *user) alternate(urls ...string) {
	for i := range turns {
		for j := range urls {
			url := urls[(i+j)%len(urls)]
			if !(u.inCookie && u.newer && url == u.old) { // a write there begins another session: docs/limits.md
				u.visit(url, "/add")
			}
			u.visit(url, "/read")
		}
	}
}

// visit sends a request and judges the answer.
func (u *user) visit(url, path string) {
	req, err := http.NewRequest("GET", url+path, nil)
	if err != nil {
		u.t.Error(err)
		return
	}
	if u.cookie != "" {
		req.Header.Set("Cookie", u.cookie)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		u.t.Error(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		u.t.Error(err)
	}
	set, _, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";")
	want := u.n
	if path == "/add" {
		want++
	}
	unread := url == u.old && u.newer
	switch {
	case unread && u.inCookie && res.StatusCode == http.StatusOK && string(body) == `"" -1` && set == "",
		unread && !u.inCookie && res.StatusCode == http.StatusServiceUnavailable && set == "":
		u.lost++
		return
	case unread || res.StatusCode != http.StatusOK || string(body) != fmt.Sprintf("%q %d", u.name, want):
		u.t.Errorf("%s, newer %t, %s%s: %d %.100q, want %d", u.name, u.newer, url, path, res.StatusCode, body, want)
		return // not acknowledged: u.n does not count it
	case set != "" && set != u.cookie && u.cookie != "" && !(u.inCookie && path == "/add"):
		u.t.Errorf("%s, %s%s: the cookie was replaced", u.name, url, path)
	}
	u.right++
	if set != "" {
		u.cookie = set
	}
	if u.n = want; path != "/read" {
		u.newer = url != u.old
	}
}
