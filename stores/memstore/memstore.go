// Package memstore keeps sessions in the memory of the process: for development
// and tests, for applications that run as one process, and as the cache
// in front of a slower store (package cachedstore).
//
//	store, err := memstore.New(memstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// # Expiry
//
// A record is gone at its deadline, to the microsecond. Its memory comes back
// when Sweep passes, which package core does in the background; Create also
// sweeps a little when the store is full.
//
// # Concurrency
//
// The records are spread over 1,024 shards with a mutex each, held for well
// under a millisecond even while a million records expire. Every method on one record is one
// atomic step.
//
// # Capabilities
//
// [driver.Sweeper], [driver.Lister] and [driver.Indexer]. Data is neither copied in nor
// out, and Load does not allocate.
//
// # Limits
//
// A session costs about 190 bytes of heap beside its Data and Subject, and each label 130
// beside its text. The process must not run twice: a second one has sessions of its own. Memory
// is unbounded unless [Config] says otherwise, and a full store refuses new
// sessions; it never throws out live ones, since anyone who can start sessions
// could then log out everyone else.
//
// # Durability
//
// None: the sessions end with the process. Package filestore is the next
// larger store without a server.
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
	// MaxRecords bounds the number of records, expired ones included until they
	// are swept. Default: 0, no bound.
	MaxRecords int64

	// MaxBytes bounds the memory, counted as Data, Subject, Labels, 190 bytes for each record
	// and 130 for each label. Update also obeys it; Touch and Delete always work.
	// Default: 0, no bound.
	MaxBytes int64

	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// ErrFull is found in the driver.ErrUnavailable error of a Create or Update that would
// exceed MaxRecords or MaxBytes.
var ErrFull = errors.New("no room within MaxRecords and MaxBytes")

// Store is a driver.Store in memory. Make one with New.
type Store struct {
	config  Config
	records atomic.Int64
	bytes   atomic.Int64
	sweep   cursor
	shards  [shards]shard
}

// shards is a power of two: large enough that one shard of a million records
// is walked in microseconds, small enough that BySubject may ask them all.
const shards = 1 << 10

var (
	_ driver.Store   = (*Store)(nil)
	_ driver.Sweeper = (*Store)(nil)
	_ driver.Lister  = (*Store)(nil)
	_ driver.Indexer = (*Store)(nil)
)

// New checks config and returns an empty store. A Store has no Close: it holds nothing but memory.
func New(config Config) (*Store, error) {
	switch {
	case config.MaxRecords < 0:
		return nil, fmt.Errorf("memstore: Config.MaxRecords is %d, at least 0, which means no bound", config.MaxRecords)
	case config.MaxBytes < 0:
		return nil, fmt.Errorf("memstore: Config.MaxBytes is %d, at least 0, which means no bound", config.MaxBytes)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Store{config: config}, nil
}

// Info implements driver.Backend.
func (*Store) Info() driver.Info {
	return driver.Info{Name: "memstore", InMemory: true, Local: true}
}

// Len returns the number of records, expired ones included until they are swept.
func (s *Store) Len() int { return int(s.records.Load()) }

func (s *Store) now() int64 { return s.config.Now().UnixMicro() }

// shard returns the shard of id. The first 16 bytes of IDs are random, and the others may be
// the same for all sessions; the table within the shard uses other bits of the first.
func (s *Store) shard(id *driver.ID) *shard { return &s.shards[number(id)] }

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
	sh := s.shard(&rec.ID)
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
