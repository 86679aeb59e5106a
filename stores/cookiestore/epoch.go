package cookiestore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A user's sessions belong to epochs. A token carries the number of the epoch in which its session began. RevokeSubject
// begins the next one, and keeps its number in the store of revoked sessions. A token of an earlier epoch is dead. The
// number only grows, so no two clocks are compared, and it does not matter which of two requests reads it first.
const (
	firstEpoch = 1       // of a user whom nobody has revoked: the store has no record of them
	lastEpoch  = 1 << 61 // more than microseconds since 1970 will be
)

// epoch is what the store keeps of a user:
//
//	format  1 byte, 1
//	number  uvarint
//	kept    for each session that RevokeSubject excepted: its ID, 32 bytes, and a uvarint
//
// The record's ID is a hash of the binding and the user.
type epoch struct {
	number uint64
	kept   []keptSession
}

// keptSession is a session that lives on though its token is of an earlier epoch, if it is of since or a later one.
// Those before since were ended by an earlier RevokeSubject, and no exception revives them.
type keptSession struct {
	id    driver.ID
	since uint64
}

// epochFormat is the number of the format. It keeps its place in every later one.
const epochFormat = 1

func (e *epoch) encode() []byte {
	dst := binary.AppendUvarint([]byte{epochFormat}, e.number)
	for _, k := range e.kept {
		dst = binary.AppendUvarint(append(dst, k.id[:]...), k.since)
	}
	return dst
}

// decodeEpoch returns ErrCorrupt or ErrUnreadable if data is not what encode makes.
func decodeEpoch(data []byte) (e epoch, err error) {
	if len(data) > 0 && data[0] > epochFormat {
		return e, errNewerEpoch
	}
	if len(data) == 0 || data[0] != epochFormat {
		return e, errDamagedEpoch
	}
	r := reader{rest: data[1:]}
	e.number = r.uvarint()
	for len(r.rest) >= len(driver.ID{}) {
		k := keptSession{id: driver.ID(r.rest[:len(driver.ID{})])}
		r.rest = r.rest[len(k.id):]
		k.since = r.uvarint()
		e.kept = append(e.kept, k)
	}
	if r.short || len(r.rest) > 0 || e.number <= firstEpoch || e.number > lastEpoch {
		return epoch{}, errDamagedEpoch
	}
	return e, nil
}

// takes reports whether a token of the session id that belongs to the epoch number is good.
func (e *epoch) takes(id driver.ID, number uint64) bool { return number >= e.from(id) }

// from returns the first epoch whose tokens of the session id are good.
func (e *epoch) from(id driver.ID) uint64 {
	for _, k := range e.kept {
		if k.id == id {
			return min(k.since, e.number)
		}
	}
	return e.number
}

// after returns the epoch after e. It keeps those of except that e takes.
func (e *epoch) after(now time.Time, except []driver.ID) epoch {
	// More than the clock, if that is behind, and more than every number before, if the store has lost e.
	next := epoch{number: max(e.number+1, uint64(max(now.UnixMicro(), firstEpoch+1)))}
	for _, id := range except {
		next.kept = append(next.kept, keptSession{id, e.from(id)})
	}
	return next
}

var (
	errSubjectRevoked = fmt.Errorf("cookiestore: %w: its user was revoked", driver.ErrNotFound)
	errDamagedEpoch   = driver.Corrupt("cookiestore: the epoch of a user is damaged")
	errNewerEpoch     = driver.Unreadable("cookiestore: the epoch of a user has a newer format")
	errFaster         = fmt.Errorf("cookiestore: revoke a user: %w, each time", driver.ErrConflict)
)

// checkEpoch returns nil only if the store has answered that the user of rec was not revoked since the epoch of rec.
// Then rec has the present epoch. A record without an epoch begins a session, so it gets that, too.
func (s *Store) checkEpoch(ctx context.Context, rec *driver.Record, binding []byte) error {
	if rec.Subject == "" {
		rec.Epoch = 0
		return nil
	}
	now := epoch{number: firstEpoch}
	if s.revoked != nil {
		begins := rec.Epoch == 0 // past the cache: else the token would be dead as soon as that knows the present epoch
		var err error
		if _, now, err = s.epochOf(ctx, epochID(binding, rec.Subject), begins); err != nil {
			if errors.Is(err, driver.ErrCorrupt) || errors.Is(err, driver.ErrUnreadable) {
				err = errors.New(err.Error()) // that is not said of the token
			}
			return unavailable("look for the epoch of a user", err)
		}
	}
	if rec.Epoch != 0 && !now.takes(rec.ID, rec.Epoch) {
		return errSubjectRevoked
	}
	rec.Epoch = max(rec.Epoch, now.number) // a cache may be behind the token
	return nil
}

// epochOf loads the epoch that a user has now, past caches if told so. The record's Version is 0 if there is none.
func (s *Store) epochOf(ctx context.Context, id driver.ID, pastCaches bool) (rec driver.Record, e epoch, err error) {
	if pastCaches {
		rec, err = s.reload(ctx, id)
	} else {
		rec, err = s.revoked.Load(ctx, id)
	}
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return driver.Record{ID: id}, epoch{number: firstEpoch}, nil
	case err == nil && rec.ID != id:
		err = driver.Unavailable("cookiestore", errors.New("the store answered for another ID"))
	}
	if err != nil {
		return rec, epoch{}, err
	}
	e, err = decodeEpoch(rec.Data)
	return rec, e, err
}

// slack is how much longer an epoch is kept than its tokens can live, since clocks of servers differ.
const slack = time.Hour

// RevokeSubject implements driver.SubjectRevoker: it ends all sessions of subject with this binding, except those
// named. With NoRevocation it does nothing and returns an error that matches errors.ErrUnsupported.
//
// If the subject's epoch is damaged, the sessions that are named end, too: nobody knows whether they were alive.
func (s *Store) RevokeSubject(ctx context.Context, binding []byte, subject string, until time.Time, except []driver.ID) error {
	switch {
	case s.revoked == nil:
		return errNoRevocation
	case subject == "":
		return nil // visitors are nobody's
	}
	id := epochID(binding, subject)
	for attempt := range 50 {
		err := s.beginEpoch(ctx, id, until.Add(slack), except)
		switch {
		case errors.Is(err, driver.ErrConflict), errors.Is(err, driver.ErrExists), errors.Is(err, driver.ErrNotFound):
			time.Sleep(rand.N(time.Duration(attempt+1) * time.Millisecond / 4)) // another call was faster
		case err == nil, errors.Is(err, driver.ErrUnreadable), errors.Is(err, driver.ErrTooLarge):
			return err
		default:
			return unavailable("revoke a user", err)
		}
		if ctx.Err() != nil {
			return driver.Unavailable("cookiestore: revoke a user", ctx.Err())
		}
	}
	return errFaster
}

// beginEpoch writes the epoch after the one that the store has. ErrExists, ErrConflict, ErrNotFound: another call was
// faster.
func (s *Store) beginEpoch(ctx context.Context, id driver.ID, until time.Time, except []driver.ID) error {
	rec, e, err := s.epochOf(ctx, id, true)
	if errors.Is(err, driver.ErrCorrupt) {
		e, except, err = epoch{number: firstEpoch}, nil, s.revoked.Delete(ctx, id)
		rec.Version = 0
	}
	if err != nil {
		return err
	}
	now := s.now()
	e = e.after(now, except)
	next := driver.Record{ID: id, Created: now, Used: now, Expires: until, Version: rec.Version, Data: e.encode()}
	if rec.Version == 0 {
		return s.revoked.Create(ctx, &next)
	}
	return s.revoked.Update(ctx, &next)
}

// epochID returns the ID under which the store of revoked sessions keeps the epoch of subject: see entryID.
func epochID(binding []byte, subject string) driver.ID {
	var scratch [256]byte
	text := append(scratch[:0], "coatcheck/epoch/v1\x00"...)
	text = binary.AppendUvarint(text, uint64(len(binding)))
	return sha256.Sum256(append(append(text, binding...), subject...))
}
