package adaptertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/internal/recorder"
)

// Run checks every rule, each in a subtest of its own.
func Run(t *testing.T, h Harness) {
	t.Helper()
	runAll(t, h, rules)
}

// RunStore is for a further store under an adapter that passes [Run] with another store in the same test run. It
// checks the rules whose outcome can depend on the store. In the others, all stores that pass core/storetest do the
// same.
func RunStore(t *testing.T, h Harness) {
	t.Helper()
	runAll(t, h, slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return !r.store }))
}

func runAll(t *testing.T, h Harness, rules []rule) {
	t.Helper()
	if problem := h.problem(t); problem != "" {
		t.Fatal("adaptertest: " + problem)
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

// problem says why no rule can run, "" if all can. The rules count and list sessions, so they would fail one by one for
// a store that cannot.
func (h Harness) problem(tb testing.TB) string {
	if h.Adapter == nil || (h.New == nil) == (h.Tokens == nil) {
		return "set Harness.Adapter, and either Harness.New or Harness.Tokens"
	}
	if h.New == nil {
		return ""
	}
	store := h.New(tb)(tb)
	var lacks []string
	can := driver.AbilitiesOf(store)
	if can.Lister == nil {
		lacks = append(lacks, "driver.Lister")
	}
	if can.Indexer == nil {
		lacks = append(lacks, "driver.Indexer")
	}
	if lacks == nil {
		return ""
	}
	return fmt.Sprintf("%s is not %s, and the rules list sessions: add that to the store, or to a wrapper in the test "+
		"(storetest.Run does not need it)", store.Info().Name, strings.Join(lacks, " and "))
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
	rec.Within(timeout, "stopping the application", rec.RunCleanups)
	return rec.Result()
}
