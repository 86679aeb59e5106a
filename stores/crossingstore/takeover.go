package crossingstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// reservation is the Data of a record in the new store that is no session yet. No session has such Data: it is shorter
// than the block with which core begins a record. For driver.Ended it has ended, so that it counts for no limit.
const reservation = "\x01\xffreserved by crossingstore"

// reservedFor is how long a reservation lasts that nobody fills. It only has to be longer than a take-over, and than
// the clocks of servers differ.
const reservedFor = time.Minute

func reserved(rec *driver.Record) bool {
	return len(rec.Data) == len(reservation) && string(rec.Data) == reservation
}

// attempts bounds the loop of takeOver. A failed attempt means that another server was faster, and there is not much to
// do.
const attempts = 32

// takeOver makes the new store have the session, and returns its record there. The caller has seen that it has not, or
// has no more than a reservation. seen is what the caller has just found in the old store, or nil. moved says that this
// call has moved the record: its copy is still in the old store.
func (s *Store) takeOver(ctx context.Context, id driver.ID, seen *driver.Record) (rec driver.Record, moved bool, err error) {
	mine := driver.Record{} // the reservation that this call has made, which was there before the read of the old store
	for range attempts {
		old, gone, err := s.look(ctx, id, seen)
		seen = nil
		if err != nil {
			return driver.Record{}, false, err
		}
		var there driver.Record
		switch {
		case mine.Version != 0 && gone:
			err = s.cancel(ctx, &mine)
			if err == nil {
				return driver.Record{}, false, errNotFound
			}
		case mine.Version != 0:
			rec, err = s.fill(ctx, &mine, old)
			if err == nil {
				return rec, true, nil
			}
		case gone:
			there, err = s.readNew(ctx, id)
			if err != nil || !reserved(&there) {
				return there, false, err // the old store is done with it, so this is the answer
			}
			err = s.cancel(ctx, &there)
			if err == nil {
				return driver.Record{}, false, errNotFound
			}
		default:
			begun := time.Now()
			mine, err = s.reserve(ctx, old)
			if errors.Is(err, driver.ErrExists) {
				there, err = s.outwait(ctx, id, time.Since(begun))
				if err == nil && !reserved(&there) {
					return there, false, nil
				}
			}
			if err == nil || errors.Is(err, driver.ErrNotFound) {
				continue
			}
		}
		if !errors.Is(err, driver.ErrConflict) && !errors.Is(err, driver.ErrNotFound) {
			return driver.Record{}, false, err
		}
		mine = driver.Record{} // another server has cancelled it, or it has expired, or was filled
	}
	return driver.Record{}, false, driver.Unavailable("crossingstore: take over", errBusy)
}

var (
	errNotFound = fmt.Errorf("crossingstore: %w", driver.ErrNotFound)
	errExists   = fmt.Errorf("crossingstore: %w", driver.ErrExists)
	errConflict = fmt.Errorf("crossingstore: %w", driver.ErrConflict)

	errBusy    = errors.New("other servers were faster again and again")
	errMixedUp = errors.New("the store answered with another session's record")
)

// look returns what the old store has, or that it is gone. That is for good.
func (s *Store) look(ctx context.Context, id driver.ID, seen *driver.Record) (old driver.Record, gone bool, err error) {
	if err := over(ctx); err != nil {
		return driver.Record{}, false, err
	}
	if seen != nil {
		return *seen, false, nil
	}
	old, err = s.readOld(ctx, id)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return driver.Record{}, true, nil
	case err == nil && old.ID != id:
		err = driver.Unavailable("crossingstore", errMixedUp)
	}
	return old, false, err
}

// reserve makes a reservation for the record of the old store.
func (s *Store) reserve(ctx context.Context, old driver.Record) (driver.Record, error) {
	old.Version, old.Exact, old.Expires, old.Data = 0, false, s.now().Add(reservedFor), []byte(reservation)
	err := s.to.Create(ctx, &old)
	return old, noRoom(err)
}

// patience is how often outwait looks at another server's reservation again, each time after twice the pause.
const patience = 6

// outwait returns what becomes of another server's reservation. Only the server that made it may fill it: the new store
// has the record in its lists when Create returns, and nobody else knows when that is. That server needs two calls
// more. A call of the new store has just taken as long as took. After four to eight times that, and 63 ms at least,
// outwait cancels the reservation. ErrNotFound: there is none any more.
func (s *Store) outwait(ctx context.Context, id driver.ID, took time.Duration) (driver.Record, error) {
	first, err := s.readNew(ctx, id)
	if err == nil && first.ID != id {
		return first, driver.Unavailable("crossingstore", errMixedUp)
	}
	now, pause := first, max(time.Millisecond, took/16)
	for range s.patience {
		if err != nil || !reserved(&now) {
			return now, err
		}
		if now.Version != first.Version {
			return now, errNotFound // it is another one
		}
		if err := s.sleep(ctx, pause+rand.N(pause)); err != nil {
			return now, err
		}
		pause *= 2
		now, err = s.readNew(ctx, id)
	}
	if err == nil && reserved(&now) && now.Version == first.Version {
		if err = s.cancel(ctx, &first); err == nil || errors.Is(err, driver.ErrConflict) {
			err = errNotFound
		}
	}
	return now, err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return over(ctx)
	}
}

// fill makes the reservation the record. Subject, Labels and Created are there already: no Update could set them. But
// if the Subject was cleared in the old store after the reservation, this clears it, too.
func (s *Store) fill(ctx context.Context, mine *driver.Record, old driver.Record) (driver.Record, error) {
	old.ID, old.Version, old.Exact = mine.ID, mine.Version, true
	err := s.to.Update(ctx, &old)
	old.Exact = false
	return old, noRoom(err)
}

// cancel makes sure that nobody fills the reservation: it has another version then.
func (s *Store) cancel(ctx context.Context, place *driver.Record) error {
	over := *place
	over.Subject, over.Labels, over.Expires, over.Exact = "", nil, place.Created, true
	return s.to.Update(ctx, &over)
}

// noRoom makes an outage of ErrTooLarge: a Load may not return that.
func noRoom(err error) error {
	if errors.Is(err, driver.ErrTooLarge) {
		return fmt.Errorf("crossingstore: the new store does not take the session: %w: %w", driver.ErrUnavailable, err)
	}
	return err
}

// bring is takeOver, and deletes the copy in the old store. If that fails, the copy stays until the session ends, or
// for Move: nobody reads it.
func (s *Store) bring(ctx context.Context, id driver.ID) (driver.Record, error) {
	rec, moved, err := s.takeOver(ctx, id, nil)
	if moved {
		_ = s.from.Delete(ctx, id)
	}
	return rec, err
}
