package cachedstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Both stores tell of themselves. A cache that is out is a warning, and a truth that is out an error.
func TestInspect(t *testing.T) {
	p := newPair(t)
	inspect := func() string {
		found, err := p.a.Abilities().Inspector.Inspect(t.Context())
		must(t, err)
		text := ""
		for _, f := range found {
			text += f.Name + "=" + f.Value + " " + f.Warning + "\n"
		}
		return text
	}
	for _, want := range []string{"cache=answers \n", "cache: records=", "truth: records="} {
		if got := inspect(); !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	p.a.cache.Before(storetest.Outage)
	if got := inspect(); !strings.Contains(got, "cache=does not answer sessions are read from the truth") || !strings.Contains(got, "truth: records=") {
		t.Errorf("without the cache: %s", got)
	}
	p.a.cache.Before(nil)
	p.a.truth.Before(storetest.Outage)
	found, err := p.a.Abilities().Inspector.Inspect(t.Context())
	if !errors.Is(err, driver.ErrUnavailable) || len(found) == 0 {
		t.Errorf("without the truth: %v, %v", found, err)
	}
}
