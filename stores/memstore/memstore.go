// Package memstore keeps sessions in the memory of the process. It is for development and tests, for applications that
// run as one process, and for the cache in front of a slower store (package cachedstore).
//
//	store, err := memstore.New(memstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// # Expiry
//
// A record expires exactly at its deadline, to the microsecond. Sweep frees its memory. Package core calls Sweep in the
// background. If the store is full, Create also sweeps a part of it.
//
// # Concurrency
//
// The records are spread over 1,024 shards. Each shard has a mutex, which is held for well under a millisecond, even
// while a million records expire. Every method on one record is atomic.
//
// # Abilities
//
// A Store is a [driver.Sweeper], a [driver.Lister], a [driver.Indexer], a [driver.Limiter], a [driver.Counter] and a
// [driver.Inspector]. Data is copied neither in nor out, and Load does not allocate. Count looks at each record: a
// million take a seventh of a second.
//
// # Limits
//
// A session takes about 190 bytes of heap beside its Data and Subject, and each label 130 bytes beside its text. In
// a store of only 1,000 sessions it is 280 bytes, and an empty store takes 10 KB.
//
// Only one process of the application may run: a second one would have sessions of its own.
//
// Memory is not bounded unless [Config] sets a bound. A full store refuses new sessions and does not evict live ones.
// Otherwise anyone who can start sessions could log out all other users.
//
// # Durability
//
// There is none: the sessions end with the process. Package filestore keeps them, and needs no server either.
//
// The guide is docs/choosing-a-store.md.
package memstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Config sets up a Store. The zero value is ready to use.
type Config struct {
	// MaxRecords bounds the number of records. An expired record counts until it is swept. At least 0. Default: 0,
	// which means no bound.
	MaxRecords int64

	// MaxBytes bounds the memory in bytes. It counts Data, Subject and Labels, 190 for each record and 130 for each
	// label. Create and Update obey it. Touch and Delete always work. At least 0. Default: 0, which means no bound.
	MaxBytes int64

	// Now returns the current time, for tests. Default: time.Now.
	Now func() time.Time
}

// ErrFull is matched by the error of a Create or an Update that would exceed MaxRecords or MaxBytes. That error also
// matches driver.ErrUnavailable.
var ErrFull = errors.New("no room within MaxRecords and MaxBytes")

// Store is a driver.Store in memory. New makes one. Its methods may be called concurrently.
type Store struct {
	config  Config
	records atomic.Int64
	bytes   atomic.Int64
	sweep   cursor
	limits  limitLocks
	shards  [shards]atomic.Pointer[shard] // nil until the first Create
	empty   shard                         // stands for those that are nil
}

// shards is large enough that a walk through one shard of a million records takes microseconds, and small enough that
// BySubject can ask all shards. It is a power of two.
const shards = 1 << 10

var (
	_ driver.Store   = (*Store)(nil)
	_ driver.Sweeper = (*Store)(nil)
	_ driver.Lister  = (*Store)(nil)
	_ driver.Indexer = (*Store)(nil)
	_ driver.Limiter = (*Store)(nil)
	_ driver.Counter = (*Store)(nil)

	_ driver.Inspector = (*Store)(nil)
)

// New returns an empty store. It returns an error if MaxRecords or MaxBytes is negative. A Store has no Close, because
// it holds nothing but memory.
func New(config Config) (*Store, error) {
	switch {
	case config.MaxRecords < 0:
		return nil, fmt.Errorf("memstore: Config.MaxRecords is %d, must be at least 0; 0 means no bound", config.MaxRecords)
	case config.MaxBytes < 0:
		return nil, fmt.Errorf("memstore: Config.MaxBytes is %d, must be at least 0; 0 means no bound", config.MaxBytes)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Store{config: config}, nil
}

// Info implements driver.Backend. Other processes do not see the records, so the store is local.
func (*Store) Info() driver.Info {
	return driver.Info{Name: "memstore", InMemory: true, Local: true}
}

// Len returns the number of records. An expired record counts until it is swept.
func (s *Store) Len() int { return int(s.records.Load()) }

func (s *Store) now() int64 { return s.config.Now().UnixMicro() }

// shard returns the shard of id. It uses the first 16 bytes of the ID, which are random. The others may be the same for
// all sessions. The table inside the shard uses other bits of the first 16 bytes.
func (s *Store) shard(id *driver.ID) *shard { return s.at(number(id)) }

// at returns a shard. While nothing was ever created in it, that is the empty one, to which nobody adds an entry.
func (s *Store) at(n int) *shard {
	if sh := s.shards[n].Load(); sh != nil {
		return sh
	}
	return &s.empty
}

// shardForCreate returns the shard of id, and makes it if it does not exist.
func (s *Store) shardForCreate(id *driver.ID) *shard {
	p := &s.shards[number(id)]
	if p.Load() == nil {
		p.CompareAndSwap(nil, new(shard))
	}
	return p.Load()
}

func number(id *driver.ID) int { return (int(id[0]) | int(id[1])<<8) % shards }

// Load implements driver.Store.
func (s *Store) Load(_ context.Context, id driver.ID) (driver.Record, error) {
	now, sh := s.now(), s.shard(&id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.live(&id, now)
	if e == nil {
		return driver.Record{}, errNotFound
	}
	return e.record(), nil
}

// Create implements driver.Store.
func (s *Store) Create(_ context.Context, rec *driver.Record) error {
	s.makeRoom(rec)
	sh := s.shardForCreate(&rec.ID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return s.create(sh, rec)
}

// Update implements driver.Store.
func (s *Store) Update(_ context.Context, rec *driver.Record) error {
	now, sh := s.now(), s.shard(&rec.ID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return s.update(sh, rec, now)
}

// Touch implements driver.Store.
func (s *Store) Touch(_ context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	now, sh := s.now(), s.shard(&id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.live(&id, now)
	if e == nil {
		return errNotFound
	}
	if e.version != version {
		return errConflict
	}
	e.used = max(e.used, used.UnixMicro())
	e.expires = max(e.expires, expires.UnixMicro())
	return nil
}

// Delete implements driver.Store.
func (s *Store) Delete(_ context.Context, id driver.ID) error {
	sh := s.shard(&id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if i := sh.find(&id); i != 0 {
		s.remove(sh, i)
	}
	return nil
}
