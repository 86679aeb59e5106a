package servertest

import (
	"os"
	"slices"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/adaptertest"
)

// soak is set for the long versions of these tests.
var soak = os.Getenv("COATCHECK_SOAK") != ""

func run(t *testing.T, a adaptertest.Adapter, names ...string) {
	t.Parallel() // after the tests that stop servers and watch deadlines
	for _, s := range storages {
		if names == nil || soak || slices.Contains(names, s.name) {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.at(t)                                                                // a server that is missing skips the whole storage
				adaptertest.RunStore(t, adaptertest.Harness{Adapter: a, New: s.fresh}) // everystore has Run
			})
		}
	}
}

// An adapter knows its store by core alone: each storage once, and for the other three
// adapters two of them, is what fits in the time. The soak has them all.
func TestHTTP(t *testing.T)  { run(t, httpAdapter{}) }
func TestGin(t *testing.T)   { run(t, ginAdapter{}, "redisstore", "PostgreSQL") }
func TestEcho(t *testing.T)  { run(t, echoAdapter{}, "redisstore", "MariaDB") }
func TestFiber(t *testing.T) { run(t, fiberAdapter{}, "redisstore", "SQLite") }
