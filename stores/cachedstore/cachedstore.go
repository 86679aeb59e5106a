// Package cachedstore puts a quick store in front of a lasting one: sessions
// that are read come from the cache, and everything that is written goes to the
// truth first. It is Django's cached_db, with a cache that cannot lie for long and
// cannot fail a request.
//
//	cache, err := memcachestore.New([]string{"10.0.0.7:11211"}, memcachestore.Config{Prefix: "cache:"})
//	truth, err := gormstore.New(db, gormstore.Config{})
//	store, err := cachedstore.New(cache, truth, cachedstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// The cache is one that all application servers share, under a prefix that
// nothing else uses. A cache in the memory of the process (package memstore) is
// for applications that run as one process: other servers would learn of a
// logout only when SoftTTL has passed, or by Reload.
//
// # Expiry
//
// The truth keeps the deadlines. An entry of the cache is believed until the session's
// deadline and for SoftTTL (30 s) at most; then the truth is read again.
//
// # Concurrency
//
// The truth decides: Create, Update, Touch, Delete and Succeed are its own, with
// its conflicts. A write that it has acknowledged is brought to the cache before
// the call returns, by compare-and-swap in the order of versions, so a Load on any
// server that begins afterwards sees it. While the call is under way, one Load may see it and a later
// one not yet. What an Update or a Touch leaves as it is, such as
// a later deadline, comes from the value that the cache holds of the version before; without
// one, the next Load asks the truth. A read fills the cache where that is empty or
// has an older version, never over anything else, and a session that was deleted leaves a
// tombstone which outlives every entry that a slow reader could still bring. After ErrConflict
// and ErrNotFound the next Load is answered by the truth. Of a thousand
// simultaneous misses of one session, one reads the truth. It is read past caches of its own,
// if it is a [driver.Reloader].
//
// Reload always reads the truth, and brings what it finds to the cache. It makes up for a cache
// that is not shared: after it, this process is as new as the truth was.
//
// A cache that answers thus is never stale. One that fails is passed over: the
// truth answers, slower and right. What could not be brought to it is given to
// Config.Report and tried again, and until that has succeeded, this process reads
// that session from the truth; other servers may read the state before for up to SoftTTL.
// The same bound holds if the cache throws out a tombstone, or a value while a reader that
// was slower than its writer is about to fill in what came before it, or if an application
// server dies between the truth's answer and the cache's.
//
// An entry that a newer release has put into the cache is no answer: the truth decides. Reads leave it to those
// who understand it; a write puts a tombstone in its place, so that nobody reads what was there before, and the
// session comes from the truth until that expires. A truth that is of a newer format is ErrUnreadable.
//
// # Capabilities
//
// [driver.Reloader], [driver.Pinger] and [io.Closer] always. [driver.Successor],
// [driver.Sweeper], [driver.Lister] and [driver.Indexer] where the truth has them; lists come
// from the truth. Sweep also sweeps the cache, if that needs it. Ping asks the truth. Close
// closes both stores. Ask [driver.AbilitiesOf] for them.
//
// # Limits
//
// Those of the truth. A session that is too large for the cache is read from the
// truth each time. A bounded memstore that is full counts as a cache that fails.
//
// # Durability
//
// That of the truth. The cache may lose everything at any time.
package cachedstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
)

// Config sets up a store. The zero value is ready to use.
type Config struct {
	// SoftTTL is how long an entry of the cache is believed, and so the longest
	// time for which another server may read what it has missed the end of. At
	// least 1s. Default: 30s.
	SoftTTL time.Duration

	// Timeout bounds each visit to the cache, so that one that hangs leaves time
	// to ask the truth. Default: 250ms, and never more than half of what the
	// context leaves.
	Timeout time.Duration

	// Report is told, by the request's or a background goroutine, what the cache
	// failed to do: once for each change or Reload that could not be brought to it (the
	// error matches ErrStale), for reads until the breaker opens, and for a Sweep, which has no ID. It must be safe for
	// concurrent use. Default: nil, a warning to slog.Default, once a second at most.
	Report func(id driver.ID, err error)

	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// ErrStale is found in the errors given to Config.Report when the cache may
// still hold the state before a change, for SoftTTL at most.
var ErrStale = errors.New("the cache may hold an older state of the session")

// Store is a driver.Store that reads through a cache. Make one with New.
type Store struct {
	cache, truth driver.Store
	askTruth     func(ctx context.Context, id driver.ID) (driver.Record, error)
	config       Config
	inMemory     bool // the cache never waits for I/O
	shared       bool // the cache has entries of servers with clocks of their own
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
)

// New returns a store over the two, which it closes when it is closed.
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
	case cache == nil || truth == nil:
		return nil, errors.New("cachedstore: New needs a cache and a truth")
	case cache == truth:
		return nil, errors.New("cachedstore: the cache and the truth are the same store")
	case config.SoftTTL < time.Second:
		return nil, fmt.Errorf("cachedstore: Config.SoftTTL is %v, at least 1s", config.SoftTTL)
	case config.Timeout < time.Millisecond:
		return nil, fmt.Errorf("cachedstore: Config.Timeout is %v, at least 1ms", config.Timeout)
	}
	info := cache.Info()
	s := &Store{cache: cache, truth: truth, config: config, breaker: breaker.New(0, 0), inMemory: info.InMemory, shared: !info.Local}
	s.askTruth = truth.Load
	if r := driver.AbilitiesOf(truth).Reloader; r != nil { // what is under a cache has no use for one of its own
		s.askTruth = r.Reload
	}
	if config.Report == nil {
		s.config.Report = s.log.report
	}
	s.reads.read = s.readTruth
	s.backlog.now, s.backlog.deliver = config.Now, s.deliverFence
	return s, nil
}

// Info implements driver.Backend.
func (s *Store) Info() driver.Info {
	truth := s.truth.Info()
	return driver.Info{Name: "cachedstore", InMemory: s.inMemory && truth.InMemory, Local: truth.Local}
}

// Ping implements driver.Pinger: it asks the truth. A cache that is down makes
// no application unhealthy.
func (s *Store) Ping(ctx context.Context) error {
	if p := driver.AbilitiesOf(s.truth).Pinger; p != nil {
		return p.Ping(ctx)
	}
	if _, err := s.truth.Load(ctx, driver.ID{}); !errors.Is(err, driver.ErrNotFound) {
		return err
	}
	return nil
}

// Close tries once more to bring to the cache what is owed to it, and closes both stores.
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
