//go:build !race

// One actor runs at a time here, so the race detector finds nothing. It also keeps memory for each of a million
// coroutines, and took 22 GB. The step "compile" of .ci/run has these tests.

package crossingstore_test

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
)

// TestOrdersOfTwo goes through all orders of the calls of two actors in which they are interrupted a few times.
func TestOrdersOfTwo(t *testing.T) {
	total := 0
	for beginning, begin := range beginnings {
		for _, pair := range pairs {
			n, err := (&explorer{preemptions: rounds.Of(3, 4)}).run(func() *world { return worldOf(begin, pair) }, (*world).check)
			if err != nil {
				t.Errorf("%s: %s: %v", beginning, names(pair), err)
			}
			total += n
		}
	}
	t.Logf("%d orders", total)
}

// TestFailuresOfTwo has one of two actors killed before each of its calls, or leaves a call without an answer.
func TestFailuresOfTwo(t *testing.T) {
	total := 0
	for beginning, begin := range beginnings {
		for _, pair := range pairs {
			for victim := range pair {
				for _, how := range []string{"crash", "lost", "refused"} {
					for at := 1; at < 30; at++ {
						reached := false
						n, err := (&explorer{preemptions: rounds.Of(1, 2)}).run(func() *world {
							w := worldOf(begin, pair)
							a := w.actors[victim]
							switch how {
							case "crash":
								a.crashAt = at
							default:
								a.failAt, a.effect = at, how == "lost"
							}
							return w
						}, func(w *world) error {
							reached = reached || w.actors[victim].steps >= at
							return w.check()
						})
						if err != nil {
							t.Errorf("%s: %s, %s %s at %d: %v", beginning, names(pair), pair[victim].name, how, at, err)
						}
						total += n
						if !reached {
							break
						}
					}
				}
			}
		}
	}
	t.Logf("%d orders", total)
}

// TestOrdersOfThree goes through all orders of three actors in which they are interrupted a few times.
func TestOrdersOfThree(t *testing.T) {
	total := 0
	for beginning, begin := range beginnings {
		for _, triple := range triples {
			n, err := (&explorer{preemptions: rounds.Of(2, 3)}).run(func() *world { return worldOf(begin, triple) }, (*world).check)
			if err != nil {
				t.Errorf("%s: %s: %v", beginning, names(triple), err)
			}
			total += n
		}
	}
	t.Logf("%d orders", total)
}

// TestGoneStaysGone: while a session is being ended, a request that is told so is right for all that come later.
func TestGoneStaysGone(t *testing.T) {
	twice := doing{"twice", func(a *actor, s *crossingstore.Store) { load(a, s); load(a, s) }}
	begin := beginnings["in the old store"]
	n, err := (&explorer{preemptions: 4}).run(func() *world { return worldOf(begin, []doing{aLoad, twice, aRevoke}) }, (*world).check)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d orders", n)
}

// TestNewStoreWhoseVersionsRestart: the package comment says that the new store gives no version twice. This is what it
// is for.
func TestNewStoreWhoseVersionsRestart(t *testing.T) {
	_, err := (&explorer{preemptions: 4}).run(func() *world {
		w := newWorld()
		w.to.restarts = true
		w.put(w.from, "0")
		for _, d := range []doing{aLoad, bLoad, aRevoke} {
			w.add(d.name, d.do)
		}
		return w
	}, (*world).check)
	if err == nil {
		t.Error("nothing goes wrong: then the package comment asks for too much")
	}
}
