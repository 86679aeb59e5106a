package cachedstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The abilities are those of the truth.
func TestAbilitiesOfTheTruth(t *testing.T) {
	type plain struct{ driver.Store }
	cache, truth := made.Of(memstore.New(memstore.Config{})), newTruth(memstore.Config{})
	full := driver.AbilitiesOf(open(t, cache, truth, cachedstore.Config{}))
	bare := driver.AbilitiesOf(open(t, plain{cache}, plain{truth}, cachedstore.Config{}))
	for name, of := range map[string]func(driver.Abilities) bool{
		"Successor": func(a driver.Abilities) bool { return a.Successor != nil },
		"Sweeper":   func(a driver.Abilities) bool { return a.Sweeper != nil },
		"Lister":    func(a driver.Abilities) bool { return a.Lister != nil },
		"Limiter":   func(a driver.Abilities) bool { return a.Limiter != nil },
		"Counter":   func(a driver.Abilities) bool { return a.Counter != nil },
		"Inspector": func(a driver.Abilities) bool { return a.Inspector != nil },
		"Indexer":   func(a driver.Abilities) bool { return a.Indexer != nil },
	} {
		if !of(full) || of(bare) {
			t.Errorf("%s: over a store that has it %t, over one that has not %t", name, of(full), of(bare))
		}
	}
	if bare.Reloader == nil || bare.Closer == nil {
		t.Error("no Reloader or no Closer")
	}
	must(t, bare.Pinger.Ping(t.Context()))
}

// A sweep also sweeps a cache that needs it.
func TestSweepSweepsTheCache(t *testing.T) {
	clock := storetest.NewClock()
	cache, truth := made.Of(memstore.New(memstore.Config{Now: clock.Now})), made.Of(memstore.New(memstore.Config{Now: clock.Now}))
	s := open(t, cache, truth, cachedstore.Config{Now: clock.Now})
	for i := range 100 {
		must(t, s.Create(t.Context(), record(clock.Now(), i)))
	}
	clock.Advance(31 * time.Second)
	n, err := s.Abilities().Sweeper.Sweep(t.Context(), 10)
	if n != 0 || err != nil || cache.Len() != 0 || truth.Len() != 100 {
		t.Errorf("swept %d, %v; the cache holds %d, the truth %d", n, err, cache.Len(), truth.Len())
	}
}

// If the cache cannot be swept, the sweep succeeds and Report gets the error: the memory or disk may fill up.
func TestSweepOfTheCacheFails(t *testing.T) {
	p := newPair(t)
	p.a.cache.Before(storetest.On("Sweep"))
	if _, err := p.a.Abilities().Sweeper.Sweep(t.Context(), 10); err != nil {
		t.Errorf("Sweep: %v", err)
	}
	if len(p.a.reports) != 1 || !errors.Is(p.a.reports[0], storetest.ErrInjected) {
		t.Errorf("reports: %v", p.a.reports)
	}
	p.a.cache.Before(nil)
}
