package adaptertest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/internal/recorder"
)

// Run checks every rule, each in a subtest of its own.
func Run(t *testing.T, h Harness) { runAll(t, h, rules) }

// RunStore is for a further store under an adapter that passes [Run] with another store in the same test run. It
// checks the rules whose outcome can depend on the store. In the others, all stores that pass core/storetest do the
// same.
func RunStore(t *testing.T, h Harness) {
	runAll(t, h, slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return !r.store }))
}

func runAll(t *testing.T, h Harness, rules []rule) {
	t.Helper()
	if h.Adapter == nil || (h.New == nil) == (h.Tokens == nil) {
		t.Fatal("adaptertest: set Harness.Adapter, and either Harness.New or Harness.Tokens")
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Helper()
			skipped, failures := check(t, h, r)
			if skipped != "" {
				t.Skip(skipped)
			}
			if len(failures) > 0 {
				t.Errorf("%s\nThe rule: %s", strings.Join(failures, "\n"), r.text)
			}
		})
	}
}

// check runs one rule with a new storage and new applications.
func check(tb testing.TB, h Harness, r rule) (skipped string, failures []string) {
	tb.Helper()
	if why := r.lacks(h); why != "" {
		return why, nil
	}
	timeout := h.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	rec := recorder.New(tb)
	rec.Within(timeout, "the rule", func() {
		e := newEnv(rec, h)
		r.run(e)
		e.lookForTokens()
	})
	rec.Within(10*time.Second, "stopping the application", rec.RunCleanups)
	return rec.Result()
}
