// Package crossingstore moves an application from one store to another, and signs nobody out. All application servers
// run with it, while a tool empties the old store. Then they run with the new store alone.
//
//	from, err := filestore.New("./sessions", filestore.Config{})
//	to, err := redisstore.Open(rueidis.ClientOption{InitAddress: []string{"10.0.0.7:6379"}}, redisstore.Config{})
//	store, err := crossingstore.New(to, from, crossingstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// In a URL it is the option from: COATCHECK_STORE=redis://10.0.0.7:6379/0?from=file:./sessions, for a program that imports
// this package.
//
// # How to move
//
//  1. Stop all servers, and start them with a crossing store. No server may go on with the old store alone: see Limits.
//  2. Call [Store.Move] once, in any process: the command coatcheck move does it. If it was interrupted, or some sessions could not be moved, call it again.
//  3. Restart the servers, one after the other, with the new store alone.
//
// Without step 2, sessions move when they are used. An old store that cannot list its records (memcachestore) leaves no
// other way: keep the crossing store until the sessions that nobody uses have expired.
//
// # Expiry
//
// A record keeps its deadline, its ID, and all else but its Version.
//
// # Concurrency
//
// Everything is written to the new store, and nothing but deletions to the old one. Load looks into the new store
// first, so a session that is there costs one call. What is not there is taken over:
//
//  1. A reservation is created in the new store. It is no session yet, and all servers know it as such.
//  2. The old store is read (again). It must still have the record.
//  3. An Update, of the reservation's version, makes the reservation the record. From here on the session is in the new
//     store.
//  4. The record in the old store is deleted.
//
// Whatever may end a session before its deadline deletes the record in the old store first, and only then writes to the
// new one: Delete, and an Update with Exact. So a session that has ended stays so, whatever else was under way, and
// wherever a server was killed:
//
//   - A record never comes back to the old store: nothing is created there. So once a session has ended, every read of
//     the old store finds nothing.
//   - A reservation that was made after the end is never filled, since step 2 comes after step 1, and finds nothing.
//   - A reservation that was made before the end was filled before the end, and then what ended was that record. Or it
//     was deleted by the end. Then the Update of step 3 fails, however late it comes, since the new store gives no
//     version twice.
//   - A copy that a killed server has left in the old store, after step 3, is not read while the new store has the
//     session. When the session ends, the copy goes first. When the session expires, so has the copy: step 3 keeps the
//     deadline, and only an Update with Exact moves it back.
//
// And a session that has not ended is not lost, since step 4 comes after step 3.
//
// Only the server that made a reservation fills it: when Create has returned, the new store has the record in its
// lists, and other servers cannot know when that is. Who finds somebody else's reservation reads the old store. If the
// record is there, it waits as long as four calls take, and 63 ms at least. Then it cancels the reservation and makes
// its own: the other server was killed. If the record is not there, the session is over, and the reservation is
// cancelled at once. To cancel is an Update of its version, so nobody fills it after the answer was given. A
// reservation lasts for a minute at most.
//
// A record that the new store does not have, and the old one neither, may have moved between these two looks. So the
// new store is asked again: an unknown token costs three calls. A new session costs one call of the old store more,
// since Create only inserts. So does an end. A take-over costs six calls in all, a change in the new store one.
//
// # Abilities
//
// A Store always is a [driver.Pinger], an [io.Closer] and a [driver.Breaker], of both stores. It is a [driver.Reloader] and a
// [driver.Watcher] if the new store is, and a [driver.Sweeper] if one of the two is. It is a [driver.Lister], a
// [driver.Indexer], a [driver.Inspector] and a [driver.Limiter] if both are. It is no [driver.Checker]: check each store by itself. A list shows each session once. It asks the new store for each
// record that it finds in the old one, and remembers their IDs, about 60 bytes each. CreateLimited takes over the
// user's sessions first. Then the new store's limit counts them all, except those that cannot be moved.
//
// It is no [driver.Counter], since a record that is being moved is in both stores for a moment, and no
// [driver.Successor]: without it, core makes two calls of one.
//
// # Limits
//
// The new store must not give the Version of a record that was deleted to one that is created later under the same ID,
// and no Version of 1<<63 or more. All stores of coatcheck keep to that. (A record that a list shows from the old store
// has such a Version. A write of that version takes the record over, and returns ErrConflict.)
//
// The new store must not be a cache: what it evicts while a killed server's copy is in the old store comes back older.
//
// A record that the new store has no room for (ErrTooLarge) stays in the old one, and requests of its session fail as
// in an outage. A record of the old store that cannot be read (ErrUnreadable, ErrCorrupt) stays there, too, until it
// expires or is deleted.
//
// If the clocks of the two storages differ, a copy that a killed server has left may outlive its session by that much.
//
// If a server goes on with the old store alone while others have the crossing store:
//
//   - a session that was taken over is unknown there: the user is signed out on that server, and a change under way there
//     fails;
//   - a sign-out or a revocation there does not end a session that was taken over;
//   - a change or a sign-out there that comes between steps 2 and 4 is lost, although it was acknowledged;
//   - its new sessions stay in the old store until they are used elsewhere. Call Move again after its end.
//
// There is no way back half-way: a crossing store in the other direction would read copies that killed servers have
// left. Finish the move, and move back then.
//
// # Durability
//
// The durability is that of the new store, and of the old one for sessions that were not taken over yet. Take-over
// deletes in the old store what the new one has acknowledged.
//
// The guide is docs/operations.md, "Moving to another store".
package crossingstore

import (
	"context"
	"errors"
	"io"
	"reflect"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Config sets up a Store. The zero value is ready to use.
type Config struct {
	// Now returns the current time, for tests. Default: time.Now.
	Now func() time.Time
}

// Store is a driver.Store that takes over the records of an old store. New makes one. Its methods may be called
// concurrently.
type Store struct {
	to, from driver.Store
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	patience int

	// Both read past every cache.
	readNew, readOld func(ctx context.Context, id driver.ID) (driver.Record, error)
}

var (
	_ driver.Store  = (*Store)(nil)
	_ driver.Pinger = (*Store)(nil)
	_ io.Closer     = (*Store)(nil)
)

// New returns a store that keeps sessions in the store to, and takes over those of the store from. It returns an error
// if one of them is nil, or if both are the same store. It calls no method of them except Info and Abilities.
//
// After a nil error the stores belong to the Store: its Close closes both. After an error they stay the caller's.
func New(to, from driver.Store, config Config) (*Store, error) {
	switch {
	case isNil(to) || isNil(from):
		return nil, errors.New("crossingstore: New needs a new store and an old one")
	case same(to, from):
		return nil, errors.New("crossingstore: the new store and the old one are the same store: give New two")
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Store{to: to, from: from, now: config.Now, sleep: sleep, patience: patience, readNew: pastCaches(to), readOld: pastCaches(from)}, nil
}

func pastCaches(store driver.Store) func(context.Context, driver.ID) (driver.Record, error) {
	if r := driver.AbilitiesOf(store).Reloader; r != nil {
		return r.Reload
	}
	return store.Load
}

// Info implements driver.Backend. The store is in memory if both stores are, and local if the new one is.
func (s *Store) Info() driver.Info {
	to := s.to.Info()
	return driver.Info{Name: "crossingstore", InMemory: to.InMemory && s.from.Info().InMemory, Local: to.Local}
}

// Ping implements driver.Pinger. It asks both stores, since both are needed.
func (s *Store) Ping(ctx context.Context) error {
	if err := over(ctx); err != nil {
		return err
	}
	for _, store := range []driver.Store{s.from, s.to} {
		if err := ping(ctx, store); err != nil {
			return err
		}
	}
	return nil
}

func ping(ctx context.Context, store driver.Store) error {
	if p := driver.AbilitiesOf(store).Pinger; p != nil {
		return p.Ping(ctx)
	}
	if _, err := store.Load(ctx, driver.ID{}); !errors.Is(err, driver.ErrNotFound) {
		return err
	}
	return nil
}

// Close closes both stores, each if it can be closed, and returns both errors. It does not wait for calls, nor for
// Move.
func (s *Store) Close() error {
	var errs []error
	for _, store := range []driver.Store{s.to, s.from} {
		if c := driver.AbilitiesOf(store).Closer; c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// over returns an error if ctx has ended. A store in memory would not notice.
func over(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return driver.Unavailable("crossingstore", err)
	}
	return nil
}

// isNil also finds a nil pointer in an interface, as a New leaves it that has failed.
func isNil(store driver.Store) bool {
	v := reflect.ValueOf(store)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// same reports whether both are one store. A store of a type that cannot be compared is never the same: == panics.
func same(to, from driver.Store) bool {
	return reflect.TypeOf(to) == reflect.TypeOf(from) && reflect.ValueOf(to).Comparable() && to == from
}
