package core_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

const done core.Key[[]string] = "done"

// TestRandom lets three tabs of one browser do things at random over a store that fails at random. What was done
// with Update is there at most once, and exactly once where the answer was 200; a message is shown at most once.
func TestRandom(t *testing.T) {
	all := maps.Clone(kinds)
	for kind, open := range kinds {
		all[kind+", stale"] = func() driver.Store {
			return &staleStore{Store: open(), cache: map[driver.ID]driver.Record{}}
		}
	}
	for seed := range uint64(rounds()) {
		for kind, open := range all {
			for _, mode := range []string{"", "faults", "logins", "faults logins"} {
				randomRound(t, seed, kind, open(), strings.Contains(mode, "faults"), strings.Contains(mode, "logins"))
				if t.Failed() {
					return
				}
			}
		}
	}
}

func randomRound(t *testing.T, seed uint64, kind string, store driver.Store, faults, logins bool) {
	fault := storetest.NewFault(store)
	m := newManager(t, core.Config{Store: fault.Store()})
	twin := newManager(t, core.Config{Store: store})
	jar := newBrowser(t, m)
	jar.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
	var mu sync.Mutex // jar, and what follows
	acked, shown, flashed, log := []string{}, map[string]int{}, []string{}, []string{}
	rng := rand.New(rand.NewPCG(seed, 1))
	var rmu sync.Mutex
	roll := func(n int) int { rmu.Lock(); defer rmu.Unlock(); return rng.IntN(n) }
	if faults {
		hook := func(c storetest.Call) error {
			if roll(12) == 0 {
				return storetest.Outage(c)
			}
			return nil
		}
		fault.Before(hook)
		fault.After(hook)
	}
	var wg sync.WaitGroup
	for tab := range 3 {
		wg.Go(func() {
			for n := range 5 {
				id := fmt.Sprint(tab, ".", n)
				mu.Lock()
				b := jar.copyOf()
				mu.Unlock()
				x := m.Adapter().Begin(ctx, b.header())
				s, err := x.Session(ctx)
				if err != nil {
					x.Discard()
					continue
				}
				what, wrote, flashes := id, false, []string{}
				var beside sync.WaitGroup
				beside.Go(func() { // another goroutine of the handler
					for range 3 {
						_ = other.Set(s, roll(9))
						_, _ = count.Get(s)
						_, _ = s.ID(), s.Keys()
						_ = name.Delete(s)
					}
				})
				for range 1 + roll(5) {
					switch roll(8) {
					case 0, 1:
						if !wrote {
							what += " update"
							wrote = done.Update(s, func(l []string) []string { return append(l, id) }) == nil
						}
					case 2:
						what += " rotate"
						_ = s.RotateID()
					case 3:
						what += fmt.Sprint(" save:", s.Save(ctx))
					case 4:
						text := fmt.Sprint(id, "/", roll(1<<30))
						if s.AddFlash("", text) == nil {
							flashes = append(flashes, text)
						}
						what += " flash"
					case 5:
						list, err := s.Flashes(ctx)
						mu.Lock()
						for _, f := range list {
							shown[f.Text]++
						}
						mu.Unlock()
						what += fmt.Sprint(" flashes:", len(list), err)
					case 6:
						if logins {
							what += " login"
							_ = s.Login("alice")
						}
					case 7:
						what += " set"
						_ = count.Set(s, n)
					}
				}
				out, err := x.Commit(ctx, 200)
				beside.Wait()
				_ = x.Finish(ctx)
				mu.Lock()
				what += fmt.Sprint(" -> ", err, " ", out.Name)
				log = append(log, what)
				if err == nil && wrote {
					acked = append(acked, id)
				}
				if err == nil {
					flashed = append(flashed, flashes...)
				}
				if out.Name == "Set-Cookie" {
					pair, _, _ := strings.Cut(out.Value, ";")
					jar.cookie = pair
					if strings.HasSuffix(pair, "=") {
						jar.cookie = ""
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	fault.Reset()
	have := map[string]int{}
	texts := map[string]int{}
	for s, err := range twin.All(ctx) {
		must(t, err)
		in := map[string]int{}
		for _, id := range done.GetOr(s, nil) {
			have[id]++
			in[id]++
		}
		for id, n := range in {
			if n > 1 {
				t.Errorf("%s seed %d: %s was done %d times", kind, seed, id, n)
			}
		}
	}
	for text, n := range shown {
		texts[text] += n
		if n > 1 {
			t.Errorf("%s seed %d: %s was shown %d times", kind, seed, text, n)
		}
	}
	if !(faults && logins) { // a Login whose answer is lost may cost the session, and says so
		for _, id := range acked {
			if have[id] == 0 {
				t.Errorf("%s seed %d: 200, and %s is gone", kind, seed, id)
			}
		}
	}
	if t.Failed() {
		t.Log(faults, logins, strings.Join(log, "\n"))
	}
}

// staleStore answers from a cache that only Reload renews.
type staleStore struct {
	driver.Store
	mu    sync.Mutex
	cache map[driver.ID]driver.Record
}

func (s *staleStore) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	s.mu.Lock()
	rec, ok := s.cache[id]
	s.mu.Unlock()
	if ok {
		return rec, nil
	}
	return s.Reload(ctx, id)
}

func (s *staleStore) Reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	rec, err := s.Store.Load(ctx, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.cache, id); err == nil {
		s.cache[id] = rec
	}
	return rec, err
}

func (s *staleStore) Abilities() driver.Abilities {
	a := driver.AbilitiesOf(s.Store)
	a.Reloader = s
	return a
}
