package redisstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The index has a sorted set of IDs for each subject and for each label, scored by when each was
// put in or last seen alive, in seconds of the server's clock.
//
// A member may be wrong: its record is gone or has lost its names. That is
// found out by looking. What must not be missing is a live record, so a member
// that is about to get its record is left alone for a minute.

// indexScript adds a member, prolongs the index's own life, and returns up to
// four members that nobody has looked at for a day. ARGV: ID, life.
var indexScript = script{"6f5d560326279bd3c1705e4f9228f1f3e5bc86ff", `
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - 86400, 'LIMIT', 0, 4)
`}

// dropScript removes members that were found to be wrong. ARGV: IDs.
var dropScript = script{"b0da16b0901ed2a0581f19a1d3ef1d199bf7281b", `
local before = tonumber(redis.call('TIME')[1]) - 60
for _, id in ipairs(ARGV) do
	local score = redis.call('ZSCORE', KEYS[1], id)
	if score and tonumber(score) < before then redis.call('ZREM', KEYS[1], id) end
end
return 2
`}

// seenScript scores members anew that were found to be right. ARGV: IDs.
var seenScript = script{"a00e10ed1e6dd85e202db949bd4c2416bd78d6a9", `
local now = redis.call('TIME')[1]
for _, id in ipairs(ARGV) do redis.call('ZADD', KEYS[1], 'XX', now, id) end
return 2
`}

// entry is a call of indexScript for one set.
type entry struct {
	key  string
	args []string // the same for all sets of a record
}

// entries are the calls that make the index know a record, none while it is anonymous. Each set
// lives to the end of the record's term.
func (s *Store) entries(rec *driver.Record) []entry {
	if rec.Subject == "" {
		return nil
	}
	end := termOf(micros(rec.Expires)) * uint64(term.Microseconds())
	args := []string{string(rec.ID[:]), life(end, micros(s.now()))}
	all := append(make([]entry, 0, 1+len(rec.Labels)), entry{s.subjects + rec.Subject, args})
	for _, label := range rec.Labels {
		all = append(all, entry{s.labels + label, args})
	}
	return all
}

func (s *Store) byName(entries []entry) []rueidis.Completed {
	cmds := make([]rueidis.Completed, len(entries))
	for i, e := range entries {
		cmds[i] = indexScript.byName(s.client, []string{e.key}, e.args)
	}
	return cmds
}

// index makes sure that the index knows the record up to its deadline.
func (s *Store) index(ctx context.Context, what string, rec *driver.Record) error {
	entries := s.entries(rec)
	if len(entries) == 0 {
		return nil
	}
	replies, _, err := s.doAll(ctx, what, s.byName(entries)...)
	if err == nil {
		err = s.indexed(ctx, what, entries, replies)
	}
	return err
}

// indexed takes the replies to entries that were sent by name.
func (s *Store) indexed(ctx context.Context, what string, entries []entry, replies []rueidis.RedisResult) error {
	for i, e := range entries {
		msg, err := replies[i].ToMessage()
		if isUnknown(err) {
			msg, _, err = s.run(ctx, what, indexScript, []string{e.key}, e.args...)
		} else if err != nil {
			err = s.fail(ctx, what, err)
		}
		ids, err := listOf(what, &msg, err)
		if err != nil {
			return err
		}
		if len(ids) > 0 {
			s.tidy(ctx, e.key, ids)
		}
	}
	return nil
}

// tidy looks at the old members that indexScript returned, a few for each new
// one, so that a set that is never read does not grow for ever.
func (s *Store) tidy(ctx context.Context, key string, ids []string) {
	found, err := s.look(ctx, key, ids)
	if err == nil && len(found.right) > 0 {
		seen := make([]string, len(found.right))
		for i := range found.right {
			seen[i] = string(found.right[i].ID[:])
		}
		_, _, err = s.run(ctx, "redisstore: tidy index", seenScript, []string{key}, seen...)
	}
	if err == nil && len(found.wrong) > 0 {
		// Whether it worked does not matter: the next look does it again.
		_, _, _ = s.run(ctx, "redisstore: tidy index", dropScript, []string{key}, found.wrong...)
	}
}

// belongs reports whether a record is one of the set under key.
func (s *Store) belongs(rec *driver.Record, key string) bool {
	if subject, ok := strings.CutPrefix(key, s.subjects); ok {
		return rec.Subject == subject
	}
	return slices.Contains(rec.Labels, strings.TrimPrefix(key, s.labels))
}

// BySubject implements driver.Indexer. Records that are damaged or of a newer format do not stop it:
// the error comes after all others, so that one of them cannot keep a user logged in.
func (s *Store) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return s.walkSet(ctx, s.subjects, subject)
}

// ByLabel implements driver.Indexer, as BySubject does.
func (s *Store) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return s.walkSet(ctx, s.labels, label)
}

func (s *Store) walkSet(ctx context.Context, prefix, name string) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		if name == "" {
			return
		}
		key := prefix + name
		ids, err := s.members(ctx, key)
		if err != nil {
			yield(driver.Record{}, err)
			return
		}
		var left error
		for len(ids) > 0 {
			n := min(len(ids), batch)
			found, err := s.look(ctx, key, ids[:n])
			if found.left != nil {
				left = found.left
			}
			if err == nil && len(found.wrong) > 0 {
				// Before the loop goes on: it may take long, and a look is good for a minute. Whether it worked does
				// not matter: the next walk does it again.
				_, _, _ = s.run(ctx, whatWalk, dropScript, []string{key}, found.wrong...)
			}
			for _, rec := range found.right {
				if !yield(rec, nil) {
					return
				}
			}
			if err != nil {
				yield(driver.Record{}, err)
				return
			}
			ids = ids[n:]
		}
		if left != nil {
			yield(driver.Record{}, left)
		}
	}
}

const whatWalk = "redisstore: walk through the index"

// members asks the primary: a replica may not know the newest yet.
func (s *Store) members(ctx context.Context, key string) ([]string, error) {
	msg, _, err := s.do(ctx, whatWalk, s.client.B().Arbitrary("ZRANGE").Keys(key).Args("0", "-1").Build().ToRetryable())
	return listOf(whatWalk, &msg, err)
}

// batch is how many records a walk asks for at once.
const batch = 64

// looked is what the members of an index are found to be.
type looked struct {
	right []driver.Record
	wrong []string
	left  error // of those that cannot be read, and may be right
}

// look loads the records of members. After an error, right holds those before it.
func (s *Store) look(ctx context.Context, key string, members []string) (found looked, err error) {
	ids := make([]driver.ID, 0, len(members))
	for _, member := range members {
		if len(member) == len(driver.ID{}) {
			ids = append(ids, driver.ID([]byte(member)))
		} else {
			found.left = fmt.Errorf("a member of an index: %w", errCorrupt)
		}
	}
	if len(ids) == 0 {
		return found, nil
	}
	replies, err := s.loadAll(ctx, whatWalk, ids)
	if err != nil {
		return found, err
	}
	for i, r := range replies {
		rec, err := s.readReply(ctx, r, ids[i])
		switch {
		case errors.Is(err, driver.ErrNotFound), err == nil && !s.belongs(&rec, key):
			found.wrong = append(found.wrong, string(ids[i][:]))
		case err != nil && !stays(err):
			found.wrong = nil
			return found, err
		case err != nil:
			found.left = err
		default:
			found.right = append(found.right, rec)
		}
	}
	return found, nil
}

// loadAll sends a GET for each ID at once, to the primary: by a replica that is behind, a live record
// would be taken for one that is gone.
func (s *Store) loadAll(ctx context.Context, what string, ids []driver.ID) ([]rueidis.RedisResult, error) {
	cmds := make([]rueidis.Completed, len(ids))
	for i, id := range ids {
		cmds[i] = s.getPrimary(id)
	}
	replies, _, err := s.doAll(ctx, what, cmds...)
	return replies, err
}

func (s *Store) readReply(ctx context.Context, r rueidis.RedisResult, id driver.ID) (driver.Record, error) {
	msg, err := r.ToMessage()
	if err != nil {
		return driver.Record{}, absent(s.fail(ctx, whatLoad, err))
	}
	return s.read(&msg, id)
}
