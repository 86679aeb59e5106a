package moving_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Given users of the application before, when the one after answers in its place, then they are signed in and have what
// they had, and their old cookies open nothing there any more.
func TestTakeOver(t *testing.T) {
	for _, library := range libraries {
		t.Run(library, func(t *testing.T) {
			t.Parallel()
			env := environment(t, library)
			before, after := start(t, library+"/before", env...), start(t, library+"/after", env...)
			alice, bob := newBrowser(t, before), newBrowser(t, before)
			want := func(b *browser, path, want string) {
				t.Helper()
				if got := b.get(path); got != "200 "+want {
					t.Errorf("%s: %s, want %s", path, got, want)
				}
			}
			alice.post("/add", "item", "coat")
			alice.post("/sign-in", "name", "alice")
			want(alice, "/", `visit 1 of "alice", cart [coat], messages [Welcome, alice]`)
			bob.post("/add", "item", "hat")

			thief := alice.copy()
			alice.url, bob.url, thief.url = after, after, after
			want(alice, "/me", `you are "alice"`)
			if len(alice.cookies) != 1 || alice.cookies["__Host-session"] == "" {
				t.Errorf("cookies: %v", alice.lines)
			}
			want(alice, "/", `visit 2 of "alice", cart [coat], messages []`)
			want(bob, "/", `visit 1 of "", cart [hat], messages []`)

			want(thief, "/me", `you are ""`)
			alice.post("/sign-out")
			want(alice, "/me", `you are ""`)
			want(thief, "/me", `you are ""`)
			thief.url = before // a server of the old release that still runs
			if strings.HasPrefix(library, "echocontrib") {
				want(thief, "/me", `you are "alice"`) // nothing ends a cookie there
			} else {
				want(thief, "/me", `you are ""`)
			}
		})
	}
}

// environment is what both applications of a library share, and no other test.
func environment(t *testing.T, library string) []string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sessions")
	if err := os.Mkdir(dir, 0o700); err != nil { // gorilla/sessions makes none
		t.Fatal(err)
	}
	env := []string{"SESSION_DIR=" + dir}
	if onRedis[library] {
		env = append(env, "REDIS="+redis(t).Addr)
	}
	return env
}
