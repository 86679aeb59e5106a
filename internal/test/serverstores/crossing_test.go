package serverstores

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

func openFiles(tb testing.TB, address, space string) driver.Store {
	s, err := filestore.New(filepath.Join(address, space), filestore.Config{})
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

// visitor is a browser, and what it must see.
type visitor struct {
	mu     sync.Mutex
	user   string
	cookie string
	id     core.ID
	count  int
	over   bool
}

// visit sends one request.
func (v *visitor) visit(m *core.Manager, do func(*core.Session)) error {
	ctx := context.Background()
	header := http.Header{}
	if v.cookie != "" {
		header.Set("Cookie", v.cookie)
	}
	x := m.Adapter().Begin(ctx, header)
	s, err := x.Session(ctx)
	if err != nil {
		x.Discard()
		return err
	}
	do(s)
	out, err := x.Commit(ctx, http.StatusOK)
	if pair, _, ok := strings.Cut(out.Value, ";"); ok && !strings.HasSuffix(pair, "=") {
		v.cookie = pair // a deletion is not obeyed: the old cookie must be worth nothing
	}
	return errors.Join(err, x.Finish(ctx))
}

// see checks what a page shows.
func (v *visitor) see(s *core.Session) error {
	n := count.GetOr(s, 0)
	switch {
	case v.over && !s.IsNew():
		return fmt.Errorf("%s has signed out, and is back", v.user)
	case v.over:
		return nil
	case s.IsNew() || s.Subject() != v.user:
		return fmt.Errorf("%s was signed out", v.user)
	case n != v.count:
		return fmt.Errorf("%s sees %d, and stored %d", v.user, n, v.count)
	}
	return nil
}

// act does what people do: they read, write, and now and then sign out, or somebody ends their session.
func (v *visitor) act(m *core.Manager) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	what := rand.IntN(40)
	if !v.over && what == 0 {
		v.over = true
		return m.Revoke(context.Background(), v.id)
	}
	var seen error
	err := v.visit(m, func(s *core.Session) {
		seen = v.see(s)
		switch {
		case v.over || seen != nil:
		case what == 1:
			seen = s.Logout()
			v.over = true
		case what < 20:
			seen = count.Set(s, v.count+1)
			v.count++
		}
	})
	return errors.Join(seen, err)
}

// TestCrossing moves an application from files to Redis, on to PostgreSQL, and back to files. Two servers and their
// visitors go on all the time. A tool that moves the sessions is interrupted, another one is killed between two calls,
// and a third ends the work. TESTS_SOAK=1 makes it 100,000 visitors.
func TestCrossing(t *testing.T) {
	visitors := make([]*visitor, rounds.Of(300, 3_000))
	if soak {
		visitors = make([]*visitor, 100_000)
	}
	type place struct {
		name, address, space string
		open                 func(tb testing.TB, address, space string) driver.Store
	}
	redisAddr, sqlAddr := redisAt(t), postgresAt(t)
	files := made.MemoryDir(t)
	places := []place{
		{"files", files, "first", openFiles}, {"Redis", redisAddr, newSpace(), openRedis},
		{"PostgreSQL", sqlAddr, newSpace(), openGorm}, {"files again", files, "second", openFiles},
	}
	migrate(t, sqlAddr, places[2].space)

	first := newServer(t, places[0].open(t, places[0].address, places[0].space))
	parallel(len(visitors), func(i int) {
		v := &visitor{user: fmt.Sprintf("user-%d", i)}
		visitors[i] = v
		if err := v.visit(first, func(s *core.Session) {
			if err := errors.Join(s.Login(v.user), count.Set(s, 0)); err != nil {
				t.Error(err)
			}
			v.id = s.ID()
		}); err != nil {
			t.Error(err)
		}
	})
	for leg := 1; leg < len(places); leg++ {
		t.Run(places[leg-1].name+" to "+places[leg].name, func(t *testing.T) {
			open := func(at int) driver.Store { return places[at].open(t, places[at].address, places[at].space) }
			cross := func() *crossingstore.Store {
				s, err := crossingstore.New(open(leg), open(leg-1), crossingstore.Config{})
				must(t, err)
				return s
			}
			servers := []*core.Manager{newServer(t, cross()), newServer(t, cross())}
			moveUnderLoad(t, visitors, servers, cross, open(leg), open(leg-1))
			alone, left := newServer(t, open(leg)), 0
			for _, v := range visitors {
				must(t, v.visit(alone, func(s *core.Session) { must(t, v.see(s)) }))
				if !v.over {
					left++
				}
			}
			for rec, err := range driver.AbilitiesOf(open(leg - 1)).Lister.All(t.Context()) {
				must(t, err)
				t.Fatalf("%v is still in the old store", rec.ID)
			}
			t.Logf("%d of %d are signed in", left, len(visitors))
		})
	}
}

func newServer(t *testing.T, store driver.Store) *core.Manager {
	m, err := core.New(core.Config{Store: store, StoreTimeout: patience, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// parallel calls do with each number below n.
func parallel(n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}

func moveUnderLoad(t *testing.T, visitors []*visitor, servers []*core.Manager, cross func() *crossingstore.Store, to, from driver.Store) {
	var stop atomic.Bool
	var load sync.WaitGroup
	var requests atomic.Int64
	for range 6 {
		load.Go(func() {
			for !stop.Load() {
				v := visitors[rand.IntN(len(visitors)/2)] // the others leave something for the tool to do
				if err := v.act(servers[rand.IntN(len(servers))]); err != nil {
					t.Error(err)
					return
				}
				requests.Add(1)
			}
		})
	}
	defer load.Wait()
	defer stop.Store(true)
	// Ctrl-C.
	ctx, cancel := context.WithCancel(t.Context())
	interrupted, err := cross().Move(ctx, crossingstore.MoveOptions{Progress: func(p crossingstore.Progress) {
		if p.Moved == len(visitors)/8 {
			cancel()
		}
	}})
	cancel()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	// Killed: none of its calls is carried out any more, wherever it is.
	var calls atomic.Int64
	dead := storetest.When(func(storetest.Call) bool { return calls.Add(1) > int64(len(visitors)/2) })
	ends := []*storetest.Fault{storetest.NewFault(to), storetest.NewFault(from)}
	for _, end := range ends {
		end.Before(dead)
	}
	victim, err := crossingstore.New(ends[0].Store(), ends[1].Store(), crossingstore.Config{})
	must(t, err)
	killed, err := victim.Move(t.Context(), crossingstore.MoveOptions{})
	if !errors.Is(err, storetest.ErrInjected) {
		t.Errorf("killed: %v", err)
	}
	last, err := cross().Move(t.Context(), crossingstore.MoveOptions{Verify: true})
	if err != nil || last.Failed > 0 {
		t.Errorf("%+v, %v", last, err)
	}
	for begun := time.Now(); time.Since(begun) < 100*time.Millisecond; time.Sleep(10 * time.Millisecond) { // they go on a little
	}
	t.Logf("moved %d, %d and %d, while there were %d requests", interrupted.Moved, killed.Moved, last.Moved, requests.Load())
}

// TestVersionsAreNotGivenTwice: crossingstore relies on it.
func TestVersionsAreNotGivenTwice(t *testing.T) {
	for _, s := range storages {
		t.Run(s.name, func(t *testing.T) {
			store := s.fresh(t)(t)
			for range rounds.Of(20, 500) {
				now := time.Now()
				rec := driver.Record{ID: driver.ID{1}, Created: now, Used: now, Expires: now.Add(time.Minute), Data: []byte("a")}
				seen := map[uint64]bool{}
				for range 3 {
					must(t, store.Create(t.Context(), &rec))
					for range 2 {
						if seen[rec.Version] || rec.Version >= 1<<63 {
							t.Fatalf("version %d", rec.Version)
						}
						seen[rec.Version] = true
						must(t, store.Update(t.Context(), &rec))
					}
					must(t, store.Delete(t.Context(), rec.ID))
				}
			}
		})
	}
}
