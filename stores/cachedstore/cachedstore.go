// Package cachedstore puts a fast store in front of a durable one. Sessions are read from the cache, and every
// change is written to the durable store first, which is called the truth here. It is Django's cached_db, with a
// cache that can be stale for a short time only, and whose failure fails no request.
//
//	cache, err := memcachestore.New([]string{"10.0.0.7:11211"}, memcachestore.Config{Prefix: "cache:"})
//	truth, err := gormstore.New(db, gormstore.Config{})
//	store, err := cachedstore.New(cache, truth, cachedstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// All application servers share the cache, under a prefix that nothing else uses. A cache in the memory of the
// process (package memstore) is for applications that run as one process. Another server would learn of a logout
// only after SoftTTL, or by Reload.
//
// # Expiry
//
// The truth keeps the deadlines. An entry of the cache is used until the session's deadline, and for SoftTTL (30 s)
// at most. Then the truth is read again.
//
// # Concurrency
//
// The truth decides. Create, Update, Touch, Delete, Succeed and CreateLimited are calls of the truth, with its conflicts.
//
// Before a successful write returns, it brings its result to the cache, by compare-and-swap in the order of
// versions. So a Load that begins afterwards sees the write, on any server. While the write is under way, one Load
// may see it and a later one may not. An Update or a Touch does not learn the fields that it leaves unchanged, such as
// a later deadline. The store takes them from the cache's value of the version before. If the cache lacks that, the next
// Load asks the truth. After ErrConflict and ErrNotFound, too, the next Load asks the truth.
//
// A Load fills the cache where it is empty or has an older version, and never overwrites anything else. A deleted
// session leaves a tombstone in the cache, which lives longer than every entry that a slow reader could still
// write. If a thousand requests miss one session at once, one of them reads the truth. The truth is read past its
// own caches, if it is a [driver.Reloader].
//
// Reload always reads the truth, and brings the result to the cache. This makes up for a cache that is not shared:
// after a Reload, this process has the state that the truth had when Reload was called, or a newer one.
//
// While every call of a shared cache succeeds, no Load is stale. If a call of the cache fails, the truth answers: slower, and
// right. A change that could not be brought to the cache is reported to Config.Report and tried again. Until that
// succeeds, this process reads that session from the truth. Other servers may read the older state for SoftTTL at
// most. The same bound holds in four other cases:
//
//   - the cache evicts a tombstone;
//   - the cache evicts a value, while a reader that was slower than the writer is about to fill in the version
//     before it;
//   - an application server dies after the truth has answered and before the cache has;
//   - the truth does not answer a CreateLimited: nobody knows which sessions it has removed, if any.
//
// An entry that a newer release wrote to the cache is not used: the truth answers. Reads leave the entry for the
// servers that can read it. A write replaces it by a tombstone, so that no server reads the state from before the
// write. The session is then read from the truth until the tombstone expires. If the record in the truth has a newer
// format, the answer is ErrUnreadable.
//
// # Abilities
//
// A Store always is a [driver.Reloader], a [driver.Pinger], an [io.Closer], a [driver.CacheReporter] and a
// [driver.Breaker], whose part "cache" is the store's own. It is a [driver.Successor], a
// [driver.Lister], a [driver.Indexer], a [driver.Limiter], a [driver.Counter] and a [driver.Checker] if the truth is; lists
// and numbers come from the truth. It is a [driver.Inspector] if the truth is, and tells of both. It is a [driver.Sweeper] if one
// of the two stores is, and sweeps each that needs it. Ping asks the truth. Close closes both stores. Ask
// [driver.AbilitiesOf] for the abilities.
//
// # Limits
//
// The limits are those of the truth. A session that is too large for the cache is read from the truth each time. A
// memstore that has reached its bounds counts as a cache that fails.
//
// # Durability
//
// The durability is that of the truth. The cache may lose everything at any time.
//
// The guide is docs/choosing-a-store.md.
package cachedstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
)

// Config sets up a store. The zero value is ready to use.
type Config struct {
	// SoftTTL is how long an entry of the cache may be used after it was read from the truth. So it is also the
	// longest time for which another server may read an older state. At least 1s. Default: 30s.
	SoftTTL time.Duration

	// Timeout bounds each use of the cache, so that a cache that hangs leaves time to ask the truth. A use before
	// the truth is asked takes at most half of the time that the context has left. A use after a write may take up
	// to 50ms beyond the end of the context. A cache in memory (Info.InMemory) has no bound. At least 1ms.
	// Default: 250ms.
	Timeout time.Duration

	// Report is called with each failure of the cache:
	//
	//   - once for each change or Reload that could not be brought to the cache; the error matches ErrStale;
	//   - for reads, until the breaker opens;
	//   - for a Sweep; the ID is then zero.
	//
	// It runs in the request's goroutine or in a background goroutine, and must be safe for concurrent use.
	// Default: nil, which logs a warning to slog.Default, at most one a second.
	Report func(id driver.ID, err error)

	// Now returns the current time, for tests. Default: time.Now.
	Now func() time.Time
}

// ErrStale is matched by an error given to Config.Report, if the cache may still hold the state before a change. It
// does so for SoftTTL at most.
var ErrStale = errors.New("the cache may hold an older state of the session")

// Store is a driver.Store that reads through a cache. New makes one. Its methods may be called concurrently.
type Store struct {
	cache, truth driver.Store
	askTruth     func(ctx context.Context, id driver.ID) (driver.Record, error)
	config       Config
	inMemory     bool // the cache never waits for I/O
	shared       bool // other servers, whose clocks may differ, write to the cache
	breaker      *breaker.Breaker
	reads        sharedReads
	backlog      backlog
	log          throttle
}

var (
	_ driver.Store    = (*Store)(nil)
	_ driver.Reloader = (*Store)(nil)
	_ driver.Pinger   = (*Store)(nil)
	_ io.Closer       = (*Store)(nil)

	_ driver.CacheReporter = (*Store)(nil)
	_ driver.Breaker       = (*Store)(nil)
)

// New returns a store that reads through cache and writes to truth. It returns an error if one of them is nil, if
// both are the same store, or if SoftTTL or Timeout is below its bound. It calls no method of them except Info and
// Abilities.
//
// After a nil error the stores belong to the Store: its Close closes both. After an error they stay the caller's.
func New(cache, truth driver.Store, config Config) (*Store, error) {
	if config.SoftTTL == 0 {
		config.SoftTTL = 30 * time.Second
	}
	if config.Timeout == 0 {
		config.Timeout = 250 * time.Millisecond
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	switch {
	case isNil(cache) || isNil(truth):
		return nil, errors.New("cachedstore: New needs a cache and a truth")
	case same(cache, truth):
		return nil, errors.New("cachedstore: the cache and the truth are the same store: give New two")
	case config.SoftTTL < time.Second:
		return nil, fmt.Errorf("cachedstore: Config.SoftTTL is %v, must be at least 1s; 0 means 30s", config.SoftTTL)
	case config.Timeout < time.Millisecond:
		return nil, fmt.Errorf("cachedstore: Config.Timeout is %v, must be at least 1ms; 0 means 250ms", config.Timeout)
	}
	info := cache.Info()
	s := &Store{cache: cache, truth: truth, config: config, breaker: breaker.New(0, 0), inMemory: info.InMemory, shared: !info.Local}
	s.askTruth = truth.Load
	if r := driver.AbilitiesOf(truth).Reloader; r != nil { // past the truth's own cache: one cache is enough
		s.askTruth = r.Reload
	}
	if config.Report == nil {
		s.config.Report = s.log.report
	}
	s.reads.read = s.readTruth
	s.backlog.now, s.backlog.deliver = config.Now, s.deliverFence
	return s, nil
}

// same reports whether both are one store. A store of a type that cannot be compared is never the same: == panics.
func same(cache, truth driver.Store) bool {
	return reflect.TypeOf(cache) == reflect.TypeOf(truth) && reflect.ValueOf(cache).Comparable() && cache == truth
}

// Info implements driver.Backend. The store is in memory if both stores are, and local if the truth is.
func (s *Store) Info() driver.Info {
	truth := s.truth.Info()
	return driver.Info{Name: "cachedstore", InMemory: s.inMemory && truth.InMemory, Local: truth.Local}
}

// Ping implements driver.Pinger. It asks the truth only: an application whose cache is down is not unhealthy.
func (s *Store) Ping(ctx context.Context) error {
	if p := driver.AbilitiesOf(s.truth).Pinger; p != nil {
		return p.Ping(ctx)
	}
	if _, err := s.truth.Load(ctx, driver.ID{}); !errors.Is(err, driver.ErrNotFound) {
		return err
	}
	return nil
}

// Breakers implements driver.Breaker. "cache" is the store's own breaker around the whole cache. The parts that the two
// stores tell of follow as "cache/..." and "truth/...".
func (s *Store) Breakers() map[string]bool {
	all := map[string]bool{"cache": s.breaker.Open()}
	for place, store := range map[string]driver.Store{"cache/": s.cache, "truth/": s.truth} {
		if b := driver.AbilitiesOf(store).Breaker; b != nil {
			for part, open := range b.Breakers() {
				all[place+part] = open
			}
		}
	}
	return all
}

// Close tries once more to bring pending changes to the cache. Then it closes the cache and the truth, each if it can
// be closed, and returns both errors. Close it after the last request: it does not wait for calls.
func (s *Store) Close() error {
	s.backlog.close()
	var errs []error
	for _, store := range []driver.Store{s.cache, s.truth} {
		if c := driver.AbilitiesOf(store).Closer; c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

func (s *Store) now() time.Time { return s.config.Now() }

// isNil also finds a nil pointer in an interface, as a New leaves it that has failed.
func isNil(store driver.Store) bool {
	v := reflect.ValueOf(store)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}
