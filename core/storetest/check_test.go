package storetest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Given a rule that has failed, when the harness skips the rest of it, then the failure is still reported.
func TestSkipHidesNoFailure(t *testing.T) {
	h := modelHarness(NewClock(), func(m *model) driver.Store {
		return breakModel(m, changeLoadError(driver.ErrUnavailable, driver.ErrNotFound))
	})
	h.Outages["not here"] = func(tb testing.TB) func() { tb.Skip("no such server"); return nil }
	skipped, failures := check(t, h, ruleNamed(t, "OutageIsUnavailable"))
	if skipped != "" || len(failures) == 0 {
		t.Errorf("skipped %q, failures %q", skipped, failures)
	}
}

// Given a storage that takes one handle at a time, when a rule asks for the second one, then the failure says what open
// may do; if it waits without end, too. After three such rules Run stops.
func TestSecondHandle(t *testing.T) {
	for name, second := range map[string]func(testing.TB){
		"fails": func(tb testing.TB) { tb.Fatal("locked") },
		"hangs": func(testing.TB) { select {} },
	} {
		handles := 0
		h := modelHarness(NewClock(), unchangedModel)
		inner := h.New
		h.Timeout = 50 * time.Millisecond
		h.New = func(tb testing.TB) func(testing.TB) driver.Store {
			open := inner(tb)
			return func(tb testing.TB) driver.Store {
				if handles++; handles%2 == 0 {
					second(tb)
				}
				return open(tb)
			}
		}
		skipped, failures, opened := checkOpening(t, h, rules[1])
		if text := strings.Join(failures, "\n"); skipped != "" || opened || !strings.Contains(text, "open may return the same handle each time") {
			t.Errorf("%s: skipped %q, opened %t, %q", name, skipped, opened, text)
		}
	}
}

func TestFailuresInLines(t *testing.T) {
	if got, want := inLines([]string{"a\n", "b", "b", "b", "a"}), "a\nb (3 times)\na"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Run stops after three rules that had no store, and prints the rule's text once for each.
func TestRunStops(t *testing.T) {
	const child = "COATCHECK_STORETEST_CHILD"
	if os.Getenv(child) != "" {
		h := modelHarness(NewClock(), unchangedModel)
		h.New = func(tb testing.TB) func(testing.TB) driver.Store {
			tb.Error("no disk")
			tb.Fatal("no disk")
			return nil
		}
		Run(t, h)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRunStops$")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err == nil || strings.Count(text, "--- FAIL: TestRunStops/") != 3 || strings.Count(text, "The rule: ") != 3 ||
		!strings.Contains(text, "no disk (2 times)") || !strings.Contains(text, "3 rules could not open the store") {
		t.Errorf("%v\n%s", err, text)
	}
}
