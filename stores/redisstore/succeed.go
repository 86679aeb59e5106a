package redisstore

import (
	"context"
	"errors"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Succeed implements driver.Successor.
func (s *Store) Succeed(ctx context.Context, old, next *driver.Record) error {
	if err := errors.Join(checkData(old), checkNew(next)); err != nil {
		return errTooLarge
	}
	if !s.oneSlot {
		return s.succeedInSteps(ctx, old, next)
	}
	now := micros(s.now())
	version := max(now, 1)
	c := s.replacing(old)
	c.keys = append(c.keys, s.key(next.ID))
	c.args = append(c.args, encode(next, version), life(micros(next.Expires), now))
	err := s.succeed(ctx, c, next)
	s.wrote(old.ID)
	s.wrote(next.ID)
	if err == nil {
		old.Version, next.Version = c.version, version
	}
	return err
}

// succeed sends the script, and before it in the same breath the word to the index: next must not
// live unlisted.
func (s *Store) succeed(ctx context.Context, c change, next *driver.Record) error {
	const what = "redisstore: succeed"
	entries := s.entries(next)
	cmds := append(s.byName(entries), succeedScript.byName(s.client, c.keys, c.args))
	replies, err := s.doAll(ctx, what, cmds...)
	if err != nil {
		return err
	}
	last := len(entries)
	indexErr := s.indexed(ctx, what, entries, replies[:last])
	var msg rueidis.RedisMessage
	if msg, err = replies[last].ToMessage(); isUnknown(err) {
		if indexErr != nil {
			return indexErr
		}
		msg, err = s.run(ctx, what, succeedScript, c.keys, c.args...)
	} else if err != nil {
		err = s.fail(ctx, what, err)
	}
	if err = outcome(&msg, err); err == nil {
		return indexErr
	}
	return err
}

// succeedInSteps is for records on different nodes. Nobody has next's token yet,
// so that it is there for a moment before the old one goes changes nothing for anybody.
func (s *Store) succeedInSteps(ctx context.Context, old, next *driver.Record) error {
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
