package linear

import (
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/go-sql-driver/mysql"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
)

var (
	hammer = flag.Duration("hammer", 0, "how long TestHammer runs, over all stores in turn; default: a moment for each")
	only   = flag.String("store", "", "TestHammer takes only the stores with this in their name")
)

func init() { _ = mysql.SetLogger(log.New(io.Discard, "", 0)) } // connections break here all the time

// tally is one line of the table.
type tally struct {
	target
	site
	managers []*core.Manager

	histories, ops, unknown, undecided, violations int
	faults                                         map[string]int
}

// TestHammer makes histories over every store and judges them.
func TestHammer(t *testing.T) {
	parent := t
	var all []*tally
	t.Cleanup(func() { report(t, all) })
	for _, target := range targets {
		if !strings.Contains(target.name, *only) {
			continue
		}
		t.Run(target.name, func(t *testing.T) {
			line := opened(lasting{t, parent}, target)
			all = append(all, line)
			if *hammer == 0 {
				hit(t, line, time.Now(), brief())
			}
		})
	}
	for begun := time.Now(); time.Since(begun) < *hammer && !t.Failed() && len(all) > 0; {
		for _, line := range all {
			hit(t, line, time.Now(), min(10*time.Second, *hammer/time.Duration(len(all))))
		}
	}
	decided(t, all)
}

// brief is how long one store is hit in an ordinary test.
func brief() time.Duration {
	return rounds.Of(250*time.Millisecond, time.Second)
}

// lasting is a test whose cleanups are those of another one.
type lasting struct {
	testing.TB
	until testing.TB
}

func (l lasting) Cleanup(f func()) { l.until.Cleanup(f) }
func (l lasting) TempDir() string  { return l.until.TempDir() }

func opened(tb lasting, target target) *tally {
	if target.timeout == 0 {
		target.timeout = patient
	}
	line := &tally{target: target, site: target.open(tb), faults: map[string]int{}}
	for _, store := range line.stores {
		m, err := newManager(store, target.timeout)
		must(tb, err)
		tb.Cleanup(func() { _ = m.Close() })
		line.managers = append(line.managers, m)
	}
	return line
}

// hit makes histories over one store until the time is over, one at least.
func hit(t *testing.T, line *tally, begun time.Time, most time.Duration) {
	t.Helper()
	for first := true; first || time.Since(begun) < most; first = false {
		seed := rand.Uint64() >> 1
		r := newRun(line.name, seed, line.managers)
		r.history.Reads = line.reads
		var beside func(*run, <-chan struct{})
		if len(line.site.faults) > 0 {
			beside = disturb(line.site.faults, seed)
		}
		h := r.play(beside)
		line.count(h)
		switch h.check(undecided) {
		case porcupine.Unknown:
			line.undecided++
			folder, err := h.keep(*keepIn, false)
			t.Logf("%s: undecided after %v, kept in %s: %v", line.name, undecided, folder, err)
		case porcupine.Illegal:
			line.violations++
			t.Error(h.violation(*keepIn))
			return
		}
	}
}

func (l *tally) count(h *history) {
	l.histories++
	for _, name := range h.Faults {
		l.faults[name]++
	}
	for _, o := range h.Ops {
		if o.Kind != kindForget {
			l.ops++
		}
		if o.Unknown {
			l.unknown++
		}
	}
}

// decided fails where the checker gave up too often to prove anything. A short run may have one such history: how long
// the checker needs is up to chance, and to what else the machine does.
func decided(t *testing.T, all []*tally) {
	histories, open := 0, 0
	for _, l := range all {
		histories += l.histories
		open += l.undecided
	}
	if most := max(1, histories/100); open > most {
		t.Errorf("%d of %d histories are undecided after %v, want %d at most", open, histories, undecided, most)
	}
}

// report logs the table.
func report(t *testing.T, all []*tally) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "store\thistories\toperations\tunknown\tundecided\tviolations\tfaults")
	var sum tally
	for _, l := range all {
		var faults []string
		for _, name := range slices.Sorted(maps.Keys(l.faults)) {
			faults = append(faults, fmt.Sprintf("%d %s", l.faults[name], name))
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%s\n", l.name, l.histories, l.ops, l.unknown, l.undecided, l.violations, strings.Join(faults, ", "))
		sum.histories += l.histories
		sum.ops += l.ops
		sum.unknown += l.unknown
		sum.undecided += l.undecided
		sum.violations += l.violations
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%d\t%d\t%d\t\n", sum.histories, sum.ops, sum.unknown, sum.undecided, sum.violations)
	w.Flush()
	t.Log("\n" + b.String())
}
