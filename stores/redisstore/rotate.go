package redisstore

import (
	"context"
	"errors"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Rotate implements driver.Rotator.
func (s *Store) Rotate(ctx context.Context, old, next *driver.Record) error {
	if err := errors.Join(check(old), check(next)); err != nil {
		return errTooLarge
	}
	if !s.oneSlot {
		return s.rotateInSteps(ctx, old, next)
	}
	const what = "redisstore: rotate"
	now := micros(s.now())
	version := max(now, 1)
	u := s.replacement(old, now)
	u.keys = append(u.keys, s.key(next.ID))
	u.args = append(u.args, encode(next, version), life(micros(next.Expires), now))
	err := s.rotate(ctx, what, u, next)
	if err == errIndexFirst {
		if err = s.index(ctx, what, old); err == nil {
			u.afterIndex()
			err = s.rotate(ctx, what, u, next)
		}
	}
	s.written.add(old.ID, s.bypass)
	s.written.add(next.ID, s.bypass)
	if err == nil {
		old.Version, next.Version = u.version, version
	}
	return err
}

// rotate runs the script, and with it sends the word to the index.
func (s *Store) rotate(ctx context.Context, what string, u replacement, next *driver.Record) error {
	if next.Subject == "" {
		msg, err := s.run(ctx, what, rotateScript, u.keys, u.args...)
		return outcome(&msg, err)
	}
	e := s.entry(next)
	replies, err := s.doAll(ctx, what, indexScript.byName(s.client, e.keys, e.args), rotateScript.byName(s.client, u.keys, u.args))
	if err != nil {
		return err
	}
	// Next must not live unlisted, so the index comes first.
	indexErr := s.indexed(ctx, what, e, replies[0])
	var msg rueidis.RedisMessage
	if msg, err = replies[1].ToMessage(); isUnknown(err) {
		if indexErr != nil {
			return indexErr
		}
		msg, err = s.run(ctx, what, rotateScript, u.keys, u.args...)
	} else if err != nil {
		err = s.fail(ctx, what, err)
	}
	if err = outcome(&msg, err); err == nil {
		return indexErr
	}
	return err
}

// rotateInSteps is for records on different nodes. Nobody has next's token yet,
// so that it is there for a moment before the old one goes changes nothing for anybody.
func (s *Store) rotateInSteps(ctx context.Context, old, next *driver.Record) error {
	inserted := *next
	if err := s.Create(ctx, &inserted); err != nil {
		return err
	}
	if err := s.Update(ctx, old); err != nil {
		if !errors.Is(err, driver.ErrUnavailable) { // else it may have happened, and next is needed
			if undo := s.Delete(ctx, next.ID); undo != nil {
				return undo
			}
		}
		return err
	}
	*next = inserted
	return nil
}
