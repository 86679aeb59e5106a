package cachedstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// harness opens handles that share a cache and a truth. wrap may put something around
// each handle's cache.
func harness(wrap func(testing.TB, driver.Store) driver.Store) storetest.Harness {
	clock := storetest.NewClock()
	return storetest.Harness{Clock: clock, New: func(testing.TB) func(testing.TB) driver.Store {
		cache := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
		truth := newTruth(memstore.Config{Now: clock.Now})
		return func(tb testing.TB) driver.Store {
			c := remote(cache)
			if wrap != nil {
				c = wrap(tb, c)
			}
			return open(tb, c, remote(truth), cachedstore.Config{Now: clock.Now})
		}
	}}
}

func open(tb testing.TB, cache, truth driver.Store, config cachedstore.Config) *cachedstore.Store {
	tb.Helper()
	if config.Report == nil {
		config.Report = func(driver.ID, error) {}
	}
	s, err := cachedstore.New(cache, truth, config)
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

func record(now time.Time, n int) *driver.Record {
	id := driver.ID{byte(n), byte(n >> 8), 1}
	now = now.Truncate(time.Microsecond) // as stores keep it
	return &driver.Record{ID: id, Subject: "alice", Labels: []string{"admin", "sid"}, Created: now, Used: now, Expires: now.Add(time.Hour), Data: []byte("data")}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func wantError(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Fatalf("error is %v, want %v", err, want)
	}
}

var ctx = context.Background()

func openFiles(tb testing.TB, dir string) *filestore.Store {
	tb.Helper()
	s, err := filestore.New(dir, filestore.Config{})
	must(tb, err)
	return s
}

func fileOf(dir string, id driver.ID) string {
	text := id.String()
	return filepath.Join(dir, text[:2], text[2:])
}

// setFormat writes the format's number into a record of a filestore, as a newer release would.
func setFormat(tb testing.TB, dir string, id driver.ID, number byte) {
	tb.Helper()
	f, err := os.OpenFile(fileOf(dir, id), os.O_WRONLY, 0)
	must(tb, err)
	_, err = f.WriteAt([]byte{0, number}, 6)
	must(tb, err)
	must(tb, f.Close())
}

// isFence reports whether the cache's record holds a fence or a tombstone.
func isFence(rec driver.Record) bool { return len(rec.Data) == 9 }

// pair is two application servers on one cache and one truth, each with hooks around
// its own calls of either.
type pair struct {
	clock *storetest.Clock
	cache *memstore.Store
	truth *truthStore
	a, b  *server
	rec   *driver.Record // a session that is in the truth and in no cache
}

type server struct {
	*cachedstore.Store
	cache, truth *storetest.Fault
	mu           sync.Mutex
	reports      []error
}

func (s *server) stale() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.reports {
		if errors.Is(err, cachedstore.ErrStale) {
			n++
		}
	}
	return n
}

// newPair gives the cache a minute, so that not even a slow machine finds it slow.
func newPair(t *testing.T) *pair { return newPairWith(t, time.Minute) }

// newPairWith sets the Timeout of both servers.
func newPairWith(t *testing.T, timeout time.Duration) *pair {
	p := &pair{clock: storetest.NewClock()}
	p.cache, p.truth = made.Of(memstore.New(memstore.Config{Now: p.clock.Now})), newTruth(memstore.Config{Now: p.clock.Now})
	serve := func() *server {
		s := &server{cache: storetest.NewFault(remote(p.cache)), truth: storetest.NewFault(remote(p.truth))}
		s.Store = open(t, s.cache.Store(), s.truth.Store(), cachedstore.Config{Now: p.clock.Now, Timeout: timeout, Report: func(_ driver.ID, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.reports = append(s.reports, err)
		}})
		t.Cleanup(func() { s.cache.Reset(); s.truth.Reset() })
		return s
	}
	p.a, p.b = serve(), serve()
	p.rec = record(p.clock.Now(), 1)
	must(t, p.truth.Create(t.Context(), p.rec))
	return p
}

// changes are what another server may do to a session. Each returns the data that is read afterwards.
var changes = map[string]func(t *testing.T, p *pair, s driver.Store) (want string){
	"update": func(t *testing.T, p *pair, s driver.Store) string {
		p.rec.Data = []byte("newer")
		must(t, s.Update(t.Context(), p.rec))
		return "newer"
	},
	"delete": func(t *testing.T, p *pair, s driver.Store) string {
		must(t, s.Delete(t.Context(), p.rec.ID))
		return ""
	},
	"succeed": func(t *testing.T, p *pair, s driver.Store) string {
		*p.rec = ended(p.rec)
		must(t, driver.AbilitiesOf(s).Successor.Succeed(t.Context(), p.rec, record(p.clock.Now(), 2)))
		return "ended"
	},
	"touch": func(t *testing.T, p *pair, s driver.Store) string {
		must(t, s.Touch(t.Context(), p.rec.ID, p.rec.Version, p.clock.Now(), p.clock.Now().Add(2*time.Hour)))
		return "data"
	},
}

func (p *pair) reads(t *testing.T, s driver.Store, want string) {
	t.Helper()
	rec, err := s.Load(t.Context(), p.rec.ID)
	if want == "" {
		wantError(t, err, driver.ErrNotFound)
		return
	}
	must(t, err)
	truth, err := p.truth.Load(t.Context(), p.rec.ID)
	must(t, err)
	if string(rec.Data) != want || !equal(rec, truth) {
		t.Fatalf("read %v, the truth has %v", rec, truth)
	}
}

func equal(a, b driver.Record) bool {
	same := a.Created.Equal(b.Created) && a.Used.Equal(b.Used) && a.Expires.Equal(b.Expires) && slices.Equal(a.Labels, b.Labels)
	return same && a.ID == b.ID && a.Version == b.Version && a.Subject == b.Subject && string(a.Data) == string(b.Data)
}

// ended returns the record of a session after another session has taken its place.
func ended(rec *driver.Record) driver.Record {
	old := *rec
	old.Subject, old.Data, old.Expires, old.Exact = "", []byte("ended"), rec.Created.Add(40*time.Minute), true
	return old
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s")
		}
	}
}
