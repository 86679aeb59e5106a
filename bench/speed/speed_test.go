package speed

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
)

func open(t *testing.T) func(peer.App) (peer.Env, func(), error) {
	return func(peer.App) (peer.Env, func(), error) {
		dir := t.TempDir()
		return peer.Env{Dir: dir}, func() {}, os.Chmod(dir, 0o700)
	}
}

// sleepy is net/http with a session that costs a millisecond and an allocation in each route.
func sleepy(library, store string) peer.App {
	return peer.App{Library: library, Framework: "net/http", Store: store, New: func(peer.Env) (*peer.Running, error) {
		written := 1
		return &peer.Running{Close: func() {}, HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Millisecond)
			w.Header().Set("Set-Cookie", "session=1")
			switch r.URL.Path {
			case peer.Write:
				written++
				fmt.Fprint(w, written)
			case peer.Read:
				fmt.Fprint(w, written)
			default:
				fmt.Fprint(w, 1)
			}
		})}, nil
	}}
}

func find(t *testing.T, s *result.Suite, library, framework, name string) result.Row {
	t.Helper()
	for _, row := range s.Rows {
		if row.Library == library && row.Framework == framework && row.Case == name {
			return row
		}
	}
	t.Fatalf("no row of %q on %s, case %s; notes: %q", library, framework, name, s.Notes)
	return result.Row{}
}

func TestOwnCost(t *testing.T) {
	bare := peer.All[0]
	missing := sleepy("missing", "redis")
	missing.New = func(peer.Env) (*peer.Running, error) { return nil, errors.New("no server") }
	s := Run(Config{Apps: []peer.App{bare, sleepy("coatcheck", "memory"), sleepy("slow", "memory"), missing}, Open: open(t)})

	for _, c := range cases {
		own := find(t, s, "slow", "net/http", c.name).Metrics["own_p10_ns"]
		if own < 1e6 || own > 20e6 {
			t.Errorf("case %s: own cost %v ns, want a good millisecond", c.name, own)
		}
	}
	row := find(t, s, "coatcheck", "net/http", "C")
	if x := row.Metrics["best_peer"]; x < 0.2 || x > 5 || row.Text["best_peer"] != "slow on net/http" {
		t.Errorf("best peer: %v %q, want about 1, slow on net/http", x, row.Text)
	}
	if notes := strings.Join(s.Notes, "\n"); !strings.Contains(notes, "missing on net/http with redis: not measured: no server") {
		t.Errorf("notes: %s", notes)
	}
}

func TestWrongAnswerIsNotMeasured(t *testing.T) {
	forgetful := sleepy("forgetful", "memory")
	forgetful.New = func(peer.Env) (*peer.Running, error) {
		return &peer.Running{Close: func() {}, HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Set-Cookie", "session=1")
			fmt.Fprint(w, 0)
		})}, nil
	}
	s := Run(Config{Apps: []peer.App{peer.All[0], forgetful}, Open: open(t)})
	if notes := strings.Join(s.Notes, "\n"); !strings.Contains(notes, `/read answers "0"`) {
		t.Errorf("notes: %s", notes)
	}
}

// TestEmbedded runs every App that needs no server, and case E beyond one store.
func TestEmbedded(t *testing.T) {
	var apps []peer.App
	for _, app := range peer.All {
		switch app.Store {
		case "", "memory", "cookie":
			apps = append(apps, app)
		}
	}
	s := Run(Config{Apps: apps, Open: open(t)})
	if len(s.Notes) != 1 || len(s.Rows) != len(apps)*len(cases) {
		t.Errorf("%d rows of %d Apps; notes: %q", len(s.Rows), len(apps), s.Notes)
	}
	if a := find(t, s, "coatcheck", "net/http", "A").Metrics["allocs"]; a > 10 {
		t.Errorf("an untouched session allocates %v times", a)
	}
	var table strings.Builder
	Print(&table, s)
	if !strings.Contains(table.String(), "best peer / coatcheck") {
		t.Error(table.String())
	}
}

func TestRenew(t *testing.T) {
	starts, stops := 0, 0
	app := sleepy("x", "memory")
	target := &target{app: app, open: func(peer.App) (peer.Env, func(), error) {
		starts++
		return peer.Env{}, func() { stops++ }, nil
	}}
	j := &job{target: target, name: "E", path: peer.New}
	for range 2 {
		for range 2 {
			if err := j.renew(); err != nil {
				t.Fatal(err)
			}
		}
		j.made = maxNew
	}
	if starts != 2 || stops != 1 {
		t.Errorf("%d stores begun and %d ended, want 2 and 1", starts, stops)
	}
}
