package redisstore

import (
	"context"
	"errors"
	"math/rand/v2"

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
	c := s.updateChange(old)
	c.keys = append(c.keys, s.key(next.ID))
	c.args = append(c.args, encode(next, version, rand.Uint32()), life(micros(next.Expires), now))
	unsure, err := s.succeed(ctx, &c, next)
	if err == errNeedsRead {
		if err = s.readAndIndex(ctx, opSucceed, &c, old.ID, old.Expires); err == nil {
			var twice bool
			twice, err = s.succeed(ctx, &c, next)
			unsure, err = unsure || twice, afterRead(err)
		}
	}
	s.wrote(old.ID)
	s.wrote(next.ID)
	if err = withDoubt(opSucceed, unsure, err); err == nil {
		old.Version, next.Version = c.version, version
	}
	return err
}

const opSucceed = "redisstore: succeed"

// succeed sends the commands for the index and the script in one round trip. The index comes first, because next must
// never live without being listed.
func (s *Store) succeed(ctx context.Context, c *change, next *driver.Record) (unsure bool, err error) {
	entries := s.entries(next)
	cmds := append(s.indexCommands(entries), succeedScript.bySHA(s.client, c.keys, c.args))
	replies, unsure, err := s.doAll(ctx, opSucceed, cmds...)
	if err != nil {
		return unsure, err
	}
	last := len(entries)
	indexErr := s.indexed(ctx, opSucceed, entries, replies[:last])
	msg, err := replies[last].ToMessage()
	if scriptMissing(err) {
		if indexErr != nil {
			return unsure, indexErr
		}
		var twice bool
		msg, twice, err = s.run(ctx, opSucceed, succeedScript, c.keys, c.args...)
		unsure = unsure || twice
	} else if err != nil {
		err = s.fail(ctx, opSucceed, err)
	}
	if err = outcome(opSucceed, &msg, err); err == nil {
		err = indexErr
	}
	return unsure, err
}

// succeedInSteps is for records on different nodes. Nobody has next's token yet, so it does no harm that next is there
// for a moment before the old record is replaced.
func (s *Store) succeedInSteps(ctx context.Context, old, next *driver.Record) error {
	inserted := *next
	if err := s.Create(ctx, &inserted); err != nil {
		return err
	}
	if err := s.Update(ctx, old); err != nil {
		if !errors.Is(err, driver.ErrUnavailable) { // the Update did not happen, so next is not needed
			if undo := s.Delete(ctx, next.ID); undo != nil {
				return undo
			}
		}
		return err
	}
	*next = inserted
	return nil
}
