package correct

import (
	"bytes"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
	"github.com/coatcheck-go/coatcheck/bench/servers"
)

// ask runs the suite, small, for the Apps of one library over one store, without servers.
func ask(t *testing.T, library, store string) []result.Row {
	t.Helper()
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	var apps []peer.App
	for _, app := range peer.All {
		if app.Library == library && app.Store == store {
			apps = append(apps, app)
		}
	}
	suite := Run(Config{Apps: apps, Servers: &servers.Set{}, Writers: 8, Junk: 16})
	if len(apps) == 0 || len(suite.Notes) > 0 || len(suite.Rows) != len(apps)*len(cases) {
		t.Fatalf("%d Apps, %d rows, notes %q", len(apps), len(suite.Rows), suite.Notes)
	}
	var text bytes.Buffer
	Print(&text, suite)
	if got := strings.Count(text.String(), "\n"); got != len(apps)+1 {
		t.Errorf("the table has %d lines for %d Apps:\n%s", got, len(apps), text.String())
	}
	return suite.Rows
}

func check(t *testing.T, rows []result.Row, want map[string]string) {
	t.Helper()
	for _, row := range rows {
		if verdict := row.Text["verdict"]; verdict != want[row.Case] {
			t.Errorf("%s on %s with %s: %s: %q, want %q", row.Library, row.Framework, row.Store, row.Case, verdict, want[row.Case])
		}
	}
}

var right = map[string]string{"lost updates": "8 of 8 kept", "logout during a write": "ended", "logout during a read": "ended",
	"cookie on flush": "sent", "junk cookies": "0 records", "save refused": "503", "store gone": "503"}

func TestCoatcheck(t *testing.T) {
	want := maps.Clone(right)
	want["store gone"] = "-"
	check(t, ask(t, "coatcheck", "sqlite"), want)
	want["save refused"], want["junk cookies"] = "-", "0 cookies"
	check(t, ask(t, "coatcheck", "memory"), want)
}

func TestCoatcheckFile(t *testing.T) {
	inChild(t, func() { check(t, ask(t, "coatcheck", "file"), right) })
}

// A suite that finds no fault anywhere would prove little.
func TestFaultsAreFound(t *testing.T) {
	inChild(t, func() {
		for _, row := range ask(t, "gorilla/sessions", "file") {
			verdict := row.Text["verdict"]
			if row.Case == "lost updates" && row.Metrics["kept"] > 6 || row.Case == "logout during a write" && verdict != "comes back" {
				t.Errorf("%s: %s", row.Case, verdict)
			}
		}
	})
}

// inChild runs f in a process of its own, for the sake of what else a test's process writes while its
// disk is full.
func inChild(t *testing.T, f func()) {
	t.Helper()
	const child = "BENCH_CORRECT_CHILD"
	if os.Getenv(child) != "" {
		f()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), child+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestJunk(t *testing.T) {
	for _, cookie := range []string{"session=Ab9-_z", "session_id=0190b6a4-7c3e-7f10"} {
		for range 100 {
			got := junk(cookie)
			if len(got) != len(cookie) || !strings.HasPrefix(got, "session") || got[len(got)-1] != cookie[len(cookie)-1] {
				t.Fatalf("%q from %q", got, cookie)
			}
		}
	}
}
