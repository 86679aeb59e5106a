package redisstore

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var errIndexFirst = errors.New("redisstore: the index has to know first")

// The index of a subject is a sorted set of IDs, scored by when each was put in or last seen
// alive, in seconds of the server's clock.
//
// A member may be wrong: its record is gone or has another subject. That is
// found out by looking. What must not be missing is a live record, so a member
// that is about to get its record is left alone for a minute.

// indexScript adds a member, prolongs the index's own life, and returns up to
// four members that nobody has looked at for a day. ARGV: ID, life.
var indexScript = newScript(`
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - 86400, 'LIMIT', 0, 4)
`)

// dropScript removes members that were found to be wrong. ARGV: IDs.
var dropScript = newScript(`
local before = tonumber(redis.call('TIME')[1]) - 60
for _, id in ipairs(ARGV) do
	local score = redis.call('ZSCORE', KEYS[1], id)
	if score and tonumber(score) < before then redis.call('ZREM', KEYS[1], id) end
end
return 2
`)

// seenScript scores members anew that were found to be right. ARGV: IDs.
var seenScript = newScript(`
local now = redis.call('TIME')[1]
for _, id in ipairs(ARGV) do redis.call('ZADD', KEYS[1], 'XX', now, id) end
return 2
`)

// entry is a call of indexScript. The index lives to the end of the record's term.
type entry struct{ keys, args []string }

func (s *Store) entry(rec *driver.Record) entry {
	end := termOf(micros(rec.Expires)) * uint64(term.Microseconds())
	return entry{[]string{s.indexKey(rec.Subject)}, []string{string(rec.ID[:]), life(end, micros(s.now()))}}
}

// index makes sure that the index of rec.Subject has rec.
func (s *Store) index(ctx context.Context, what string, rec *driver.Record) error {
	if rec.Subject == "" {
		return nil
	}
	e := s.entry(rec)
	msg, err := s.run(ctx, what, indexScript, e.keys, e.args...)
	if err == nil {
		s.tidy(ctx, e.keys[0], rec.Subject, &msg)
	}
	return err
}

// indexed takes the reply to an indexScript that was called by name.
func (s *Store) indexed(ctx context.Context, what string, e entry, reply rueidis.RedisResult) error {
	msg, err := reply.ToMessage()
	if isUnknown(err) {
		msg, err = s.run(ctx, what, indexScript, e.keys, e.args...)
	} else if err != nil {
		err = s.fail(ctx, what, err)
	}
	if err == nil {
		s.tidy(ctx, e.keys[0], e.keys[0][len(s.subjects):], &msg)
	}
	return err
}

// tidy looks at the old members that indexScript returned, a few for each new
// one, so that an index that is never read does not grow for ever.
func (s *Store) tidy(ctx context.Context, key, subject string, members *rueidis.RedisMessage) {
	ids, err := members.AsStrSlice()
	if err != nil || len(ids) == 0 {
		return
	}
	var right []string
	wrong, err := s.look(ctx, subject, ids, func(rec driver.Record, err error) bool {
		right = append(right, string(rec.ID[:]))
		return err == nil
	})
	if err == nil && len(right) > 0 {
		_, err = s.run(ctx, "redisstore: tidy index", seenScript, []string{key}, right...)
	}
	if err == nil && len(wrong) > 0 {
		_, _ = s.run(ctx, "redisstore: tidy index", dropScript, []string{key}, wrong...)
	}
}

// BySubject implements driver.Indexer.
func (s *Store) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		if subject == "" {
			return
		}
		const what = "redisstore: by subject"
		key := s.indexKey(subject)
		msg, err := s.do(ctx, what, s.client.B().Zrange().Key(key).Min("0").Max("-1").Build())
		var ids []string
		if err == nil {
			if ids, err = msg.AsStrSlice(); err != nil {
				err = errCorrupt
			}
		}
		if err != nil {
			yield(driver.Record{}, err)
			return
		}
		for len(ids) > 0 {
			n := min(len(ids), batch)
			more := true
			wrong, err := s.look(ctx, subject, ids[:n], func(rec driver.Record, err error) bool {
				more = yield(rec, err)
				return more
			})
			if err != nil && more {
				yield(driver.Record{}, err)
			}
			if err != nil || !more {
				return
			}
			if len(wrong) > 0 { // what is left over is found again the next time
				_, _ = s.run(ctx, what, dropScript, []string{key}, wrong...)
			}
			ids = ids[n:]
		}
	}
}

// batch is how many records a walk asks for at once.
const batch = 64

// look loads the records of members, gives those that are right to yield, and
// returns the others. A record that cannot be read is an error, not a wrong member.
func (s *Store) look(ctx context.Context, subject string, members []string, yield func(driver.Record, error) bool) (wrong []string, err error) {
	ids := make([]driver.ID, len(members))
	for i, member := range members {
		if len(member) != len(driver.ID{}) {
			return nil, fmt.Errorf("a member of an index: %w", errCorrupt)
		}
		ids[i] = driver.ID([]byte(member))
	}
	replies, err := s.loadAll(ctx, "redisstore: by subject", ids)
	if err != nil {
		return nil, err
	}
	for i, r := range replies {
		rec, err := s.readReply(ctx, r, ids[i])
		switch {
		case errors.Is(err, driver.ErrNotFound), err == nil && rec.Subject != subject:
			wrong = append(wrong, members[i])
		case err != nil:
			return nil, err
		case !yield(rec, nil):
			return nil, nil
		}
	}
	return wrong, nil
}

// loadAll sends a GET for each ID at once.
func (s *Store) loadAll(ctx context.Context, what string, ids []driver.ID) ([]rueidis.RedisResult, error) {
	cmds := make([]rueidis.Completed, len(ids))
	for i, id := range ids {
		cmds[i] = s.client.B().Get().Key(s.key(id)).Build()
	}
	return s.doAll(ctx, what, cmds...)
}

func (s *Store) readReply(ctx context.Context, r rueidis.RedisResult, id driver.ID) (driver.Record, error) {
	msg, err := r.ToMessage()
	if err != nil {
		return driver.Record{}, absent(s.fail(ctx, "redisstore: load", err))
	}
	return s.read(&msg, id)
}
