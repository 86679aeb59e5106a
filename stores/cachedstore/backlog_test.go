package cachedstore_test

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// A change that does not reach the cache is reported. This server then reads the session from the truth. The change
// reaches the cache as soon as it works again.
func TestFailedInvalidation(t *testing.T) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			p.reads(t, p.b, "data") // it is in the cache
			before := byte(p.rec.Version)
			p.a.cache.Before(storetest.Outage)
			want := change(t, p, p.a.Store)
			if p.a.stale() == 0 {
				t.Error("not reported")
			}
			p.reads(t, p.a, want)
			p.a.cache.Before(nil)
			p.reads(t, p.a, want)
			eventually(t, func() bool {
				held, err := p.cache.Load(t.Context(), p.rec.ID)
				return err != nil || isFence(held) || held.Data[1] != before
			})
			p.reads(t, p.b, want)
		})
	}
}
