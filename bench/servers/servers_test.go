package servers

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

func TestAppsOnServers(t *testing.T) {
	set, notes, stop := Start()
	defer stop()
	for _, note := range notes {
		t.Log("not tested: ", note)
	}
	for _, app := range peer.All {
		switch app.Store {
		case "redis", "memcached", "sqlite", "postgres":
		default:
			continue
		}
		t.Run(fmt.Sprint(app.Library, "/", app.Framework, "/", app.Store), func(t *testing.T) {
			env, remove, err := set.Env(app)
			if err != nil {
				t.Fatal(err)
			}
			defer remove()
			r, err := app.New(env)
			if err != nil {
				t.Skip(err)
			}
			defer r.Close()
			routes(t, app, r)
			trips, err := set.RoundTrips(app)
			if err != nil {
				t.Fatal(err)
			}
			t.Log("round trips: ", trips)
			if app.Library == "coatcheck" && app.Store != "sqlite" {
				for name, want := range map[string]float64{"A": 0, "B": 0, "C": 1, "D": 2, "E": 1} {
					if trips[name] != want {
						t.Errorf("case %s: %v round trips, want %v", name, trips[name], want)
					}
				}
			}
		})
	}
}

func routes(t *testing.T, app peer.App, r *peer.Running) {
	steps := []struct{ path, want string }{
		{peer.Untouched, "hello"}, {peer.Fill, "filled"}, {peer.Read, "1"}, {peer.Write, "2"}, {peer.Read, "2"},
		{peer.Set + "?key=k3", "1"}, {peer.Keys, "1"}, {peer.Logout, "bye"}, {peer.Read, "0"}, {peer.Stream, "12"},
	}
	if app.Library == "raw" {
		steps = []struct{ path, want string }{{peer.New, "1"}, {peer.Read, "1"}, {peer.Write, "2"}, {peer.Read, "1"}}
	}
	cookie := ""
	for _, step := range steps {
		call := r.Caller(step.path, cookie)
		call.Call()
		if call.Status() != 200 || call.Body() != step.want {
			t.Errorf("GET %s = %d %q, want 200 %q", step.path, call.Status(), call.Body(), step.want)
		}
		cookie = call.Cookie(cookie)
	}
}

func TestTry(t *testing.T) {
	if err := try(func() { (&tb{}).Skipf("%s is not installed", "x") }); err == nil || err.Error() != "x is not installed" {
		t.Errorf("got %v", err)
	}
}

func TestServersTellTheirVersions(t *testing.T) {
	set, _, stop := Start()
	defer stop()
	text := set.Versions()
	for name, server := range map[string]*startserver.Server{"memcached": set.Memcached, "Redis": set.Redis, "PostgreSQL": set.Postgres} {
		if server != nil && !regexp.MustCompile(name+` [0-9]+\.[0-9]+`).MatchString(text) {
			t.Errorf("%q does not name the version of %s", text, name)
		}
	}
}
