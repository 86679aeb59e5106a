package crossingstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// MoveOptions are the settings of one Move. The zero value is ready to use.
type MoveOptions struct {
	// Parallel is how many records are moved at the same time. At least 0. Default: 0, which means 8.
	Parallel int

	// Verify reads each record back from the new store, and compares all of its fields, before it is deleted in the old
	// store. It costs one call more for each record. Default: false.
	Verify bool

	// Progress is called after each record, by one goroutine at a time, and should return soon. Default: nil.
	Progress func(Progress)
}

// Progress counts the records of the old store with which a Move is done.
type Progress struct {
	Moved  int // they are in the new store, and no longer in the old one
	Gone   int // they had ended or expired when their turn came, or somebody else had moved them
	Failed int // they stay in the old store, since they cannot be read, or the new store does not take them
}

// moveTime bounds the move of one record, so that a store that hangs ends the Move.
const moveTime = 30 * time.Second

// Move takes over all records of the old store, while servers with a crossing store go on. It needs constant memory.
// Several calls may run at once, in several processes. After an interruption, the next call does what is left.
//
// A record that cannot be moved does not hinder the others. The error names the first of them at the end. An outage, or
// the end of ctx, ends Move at once. errors.ErrUnsupported: the old store cannot list its records. After a nil error
// the old store has no live records.
func (s *Store) Move(ctx context.Context, options MoveOptions) (Progress, error) {
	lister := driver.AbilitiesOf(s.from).Lister
	switch {
	case options.Parallel < 0:
		return Progress{}, fmt.Errorf("crossingstore: MoveOptions.Parallel is %d, must be at least 0; 0 means 8", options.Parallel)
	case options.Parallel == 0:
		options.Parallel = 8
	}
	if lister == nil {
		return Progress{}, fmt.Errorf("crossingstore: %s cannot list its records: keep the crossing store until all "+
			"sessions have moved, as they are used, or expired: %w", s.from.Info().Name, errors.ErrUnsupported)
	}
	if err := s.distinct(ctx); err != nil {
		return Progress{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := mover{options: options, cancel: cancel}
	jobs := make(chan driver.Record)
	var workers sync.WaitGroup
	for range options.Parallel {
		workers.Go(func() {
			for rec := range jobs {
				one, done := context.WithTimeout(ctx, moveTime)
				m.note(rec.ID, s.move(one, &rec, options.Verify))
				done()
			}
		})
	}
	err := feed(ctx, lister, jobs)
	close(jobs)
	workers.Wait()
	return m.progress, m.err(err)
}

// feed sends the records of the old store to jobs, until the walk or ctx ends.
func feed(ctx context.Context, lister driver.Lister, jobs chan<- driver.Record) error {
	for rec, err := range lister.All(ctx) {
		if err != nil {
			return err
		}
		select {
		case jobs <- rec:
		case <-ctx.Done():
			return over(ctx)
		}
	}
	return nil
}

// mover notes how a Move goes.
type mover struct {
	options MoveOptions
	cancel  func()

	mu       sync.Mutex
	progress Progress
	outage   error
	failed   []error // the first of them
}

// named is how many records an error names.
const named = 10

func (m *mover) note(id driver.ID, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.progress.Moved++
	case errors.Is(err, driver.ErrNotFound):
		m.progress.Gone++
	case stays(err):
		if m.progress.Failed++; len(m.failed) < named {
			m.failed = append(m.failed, fmt.Errorf("crossingstore: %v stays in the old store: %w", id, err))
		}
	default:
		if m.outage == nil {
			m.outage = err
		}
		m.cancel()
		return
	}
	if m.options.Progress != nil {
		m.options.Progress(m.progress)
	}
}

// err is the error of Move. walk is that of the walk through the old store.
func (m *mover) err(walk error) error {
	if m.outage != nil {
		return m.outage
	}
	if more := m.progress.Failed - len(m.failed); more > 0 {
		m.failed = append(m.failed, fmt.Errorf("crossingstore: %d more stay in the old store", more))
	}
	if walk != nil {
		m.failed = append(m.failed, walk)
	}
	return errors.Join(m.failed...)
}

// stays reports whether err says that this one record cannot be moved, and not that a store is out of order.
func stays(err error) bool {
	for _, one := range []error{driver.ErrUnreadable, driver.ErrCorrupt, driver.ErrTooLarge, errDiffers} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// move takes over the record old, which the caller has found in the old store, and deletes it there. ErrNotFound: it
// was gone.
func (s *Store) move(ctx context.Context, old *driver.Record, verify bool) error {
	id := old.ID
	rec, _, err := s.takeOver(ctx, id, old)
	if err != nil {
		return err
	}
	if verify {
		if err := s.verify(ctx, &rec); err != nil {
			return err
		}
	}
	return s.from.Delete(ctx, id)
}

var errDiffers = errors.New("crossingstore: read back from the new store, the session is not what was written")

// verify compares the record in the new store with rec, which was found or written there. The session may have been
// used since. ErrNotFound: it has ended.
func (s *Store) verify(ctx context.Context, rec *driver.Record) error {
	now, err := s.readNew(ctx, rec.ID)
	if errors.Is(err, driver.ErrNotFound) {
		if _, err := s.readOld(ctx, rec.ID); err == nil { // what ends a session deletes the copy first
			return errDiffers
		}
	}
	if err != nil {
		return err
	}
	same := now.ID == rec.ID && now.Created.Equal(rec.Created) && !now.Used.Before(rec.Used)
	if now.Version == rec.Version {
		same = same && now.Subject == rec.Subject && slices.Equal(now.Labels, rec.Labels) && bytes.Equal(now.Data, rec.Data) &&
			!now.Expires.Before(rec.Expires)
	}
	if !same {
		return errDiffers
	}
	return nil
}

// distinct fails if both stores have one storage: then Move would delete all sessions.
func (s *Store) distinct(ctx context.Context) error {
	now := s.now()
	probe := driver.Record{Created: now, Used: now, Expires: now.Add(reservedFor), Data: []byte(reservation)}
	rand.Read(probe.ID[:])
	if err := s.to.Create(ctx, &probe); err != nil {
		return err
	}
	_, err := s.readOld(ctx, probe.ID)
	if gone := s.to.Delete(ctx, probe.ID); gone != nil {
		return gone
	}
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return nil
	case err == nil:
		return errors.New("crossingstore: the new store and the old one keep their records in the same place: nothing to move")
	}
	return err
}
