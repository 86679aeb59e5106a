package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The index has a sorted set of IDs for each subject and for each label. The score of an ID is when it was added or
// last seen alive, in seconds of the server's clock. The key has a hash of the name: a set outlives its records, and
// must not keep the name of a user whose data was erased.
//
// A member may be dead: its record is gone or has lost its names. Whoever reads the set finds out by loading the
// record. No live record may be missing, so nothing removes a member within a minute: its record may be about to be
// written.

// indexScript adds a member, prolongs the set's own life, and returns up to four members whose score is older than a
// day. ARGV: ID, life.
var indexScript = script{"6f5d560326279bd3c1705e4f9228f1f3e5bc86ff", `
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - 86400, 'LIMIT', 0, 4)
`}

// dropScript removes members that were found dead. ARGV: IDs.
var dropScript = script{"b0da16b0901ed2a0581f19a1d3ef1d199bf7281b", `
local before = tonumber(redis.call('TIME')[1]) - 60
for _, id in ipairs(ARGV) do
	local score = redis.call('ZSCORE', KEYS[1], id)
	if score and tonumber(score) < before then redis.call('ZREM', KEYS[1], id) end
end
return 2
`}

// seenScript updates the score of members that were found alive. ARGV: IDs.
var seenScript = script{"a00e10ed1e6dd85e202db949bd4c2416bd78d6a9", `
local now = redis.call('TIME')[1]
for _, id in ipairs(ARGV) do redis.call('ZADD', KEYS[1], 'XX', now, id) end
return 2
`}

// entry is a call of indexScript for one set.
type entry struct {
	key  string
	args []string // shared by all sets of a record
}

// entries returns the calls that add a record to the index. An anonymous record has none. Each set lives to the end of
// the record's term.
func (s *Store) entries(rec *driver.Record) []entry {
	if rec.Subject == "" {
		return nil
	}
	end := termOf(micros(rec.Expires)) * uint64(term.Microseconds())
	args := []string{string(rec.ID[:]), life(end, micros(s.now()))}
	all := append(make([]entry, 0, 1+len(rec.Labels)), entry{setKey(s.subjects, rec.Subject), args})
	for _, label := range rec.Labels {
		all = append(all, entry{setKey(s.labels, label), args})
	}
	return all
}

func (s *Store) indexCommands(entries []entry) []rueidis.Completed {
	cmds := make([]rueidis.Completed, len(entries))
	for i, e := range entries {
		cmds[i] = indexScript.bySHA(s.client, []string{e.key}, e.args)
	}
	return cmds
}

// index adds the record to the index, so that it is listed up to its deadline.
func (s *Store) index(ctx context.Context, op string, rec *driver.Record) error {
	entries := s.entries(rec)
	if len(entries) == 0 {
		return nil
	}
	replies, _, err := s.doAll(ctx, op, s.indexCommands(entries)...)
	if err == nil {
		err = s.indexed(ctx, op, entries, replies)
	}
	return err
}

// indexed handles the replies to indexCommands. If the server did not know the script, it sends the script.
func (s *Store) indexed(ctx context.Context, op string, entries []entry, replies []rueidis.RedisResult) error {
	for i, e := range entries {
		msg, err := replies[i].ToMessage()
		if scriptMissing(err) {
			msg, _, err = s.run(ctx, op, indexScript, []string{e.key}, e.args...)
		} else if err != nil {
			err = s.fail(ctx, op, err)
		}
		ids, err := listOf(op, &msg, err)
		if err != nil {
			return err
		}
		if len(ids) > 0 {
			s.tidy(ctx, e.key, ids)
		}
	}
	return nil
}

// tidy loads the old members that indexScript returned, and removes the dead ones. Each new member causes a look at a
// few old ones, so a set that is never read does not grow for ever.
func (s *Store) tidy(ctx context.Context, key string, ids []string) {
	found, err := s.loadMembers(ctx, key, ids)
	if err == nil && len(found.live) > 0 {
		seen := make([]string, len(found.live))
		for i := range found.live {
			seen[i] = string(found.live[i].ID[:])
		}
		_, _, err = s.run(ctx, "redisstore: tidy index", seenScript, []string{key}, seen...)
	}
	if err == nil && len(found.dead) > 0 {
		// An error does not matter: the next tidy tries again.
		_, _, _ = s.run(ctx, "redisstore: tidy index", dropScript, []string{key}, found.dead...)
	}
}

// belongs reports whether a record belongs to the set under key.
func (s *Store) belongs(rec *driver.Record, key string) bool {
	if rec.Subject == "" {
		return false
	}
	return key == setKey(s.subjects, rec.Subject) || slices.ContainsFunc(rec.Labels, func(label string) bool {
		return key == setKey(s.labels, label)
	})
}

// setKey returns the key of the set of a subject or a label.
func setKey(prefix, name string) string {
	sum := sha256.Sum256([]byte(name))
	return prefix + hex.EncodeToString(sum[:16])
}

// BySubject implements driver.Indexer. It skips records that are damaged or of a newer format, and yields the error
// after all others. So one such record cannot keep a user logged in.
func (s *Store) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return s.walkSet(ctx, s.subjects, subject)
}

// ByLabel implements driver.Indexer. It treats unreadable records as BySubject does.
func (s *Store) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return s.walkSet(ctx, s.labels, label)
}

func (s *Store) walkSet(ctx context.Context, prefix, name string) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		if name == "" {
			return
		}
		key := setKey(prefix, name)
		ids, err := s.members(ctx, key)
		if err != nil {
			yield(driver.Record{}, err)
			return
		}
		var finalErr error
		for len(ids) > 0 {
			n := min(len(ids), batchSize)
			found, err := s.loadMembers(ctx, key, ids[:n])
			if found.unreadable != nil {
				finalErr = found.unreadable
			}
			if err == nil && len(found.dead) > 0 {
				// Drop them before the caller's loop runs: that may take long, and after a minute the finding is out
				// of date. An error does not matter: the next walk tries again.
				_, _, _ = s.run(ctx, opWalk, dropScript, []string{key}, found.dead...)
			}
			for _, rec := range found.live {
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
		if finalErr != nil {
			yield(driver.Record{}, finalErr)
		}
	}
}

const opWalk = "redisstore: walk through the index"

// members reads a set. It asks the primary, because a replica may not have the newest members yet.
func (s *Store) members(ctx context.Context, key string) ([]string, error) {
	msg, _, err := s.do(ctx, opWalk, s.client.B().Arbitrary("ZRANGE").Keys(key).Args("0", "-1").Build().ToRetryable())
	return listOf(opWalk, &msg, err)
}

// batchSize is how many records a walk loads at once.
const batchSize = 64

// membership is the result of loading the members of a set.
type membership struct {
	live       []driver.Record
	dead       []string // members whose record is gone or does not belong to the set
	unreadable error    // of a member that cannot be read, and may belong to the set
}

// loadMembers loads the records of members. After an error, live holds the records before it.
func (s *Store) loadMembers(ctx context.Context, key string, members []string) (found membership, err error) {
	ids := make([]driver.ID, 0, len(members))
	for _, member := range members {
		if len(member) == len(driver.ID{}) {
			ids = append(ids, driver.ID([]byte(member)))
		} else {
			found.unreadable = fmt.Errorf("a member of an index is no ID: %w", errCorrupt)
		}
	}
	if len(ids) == 0 {
		return found, nil
	}
	replies, err := s.loadAll(ctx, opWalk, ids)
	if err != nil {
		return found, err
	}
	for i, r := range replies {
		rec, err := s.readReply(ctx, r, ids[i])
		switch {
		case errors.Is(err, driver.ErrNotFound), err == nil && !s.belongs(&rec, key):
			found.dead = append(found.dead, string(ids[i][:]))
		case err != nil && !unreadable(err):
			found.dead = nil
			return found, err
		case err != nil:
			found.unreadable = err
		default:
			found.live = append(found.live, rec)
		}
	}
	return found, nil
}

// loadAll sends a GET for each ID at once. It asks the primary, because a replica that is behind may not have a live
// record yet.
func (s *Store) loadAll(ctx context.Context, op string, ids []driver.ID) ([]rueidis.RedisResult, error) {
	cmds := make([]rueidis.Completed, len(ids))
	for i, id := range ids {
		cmds[i] = s.getPrimary(id)
	}
	replies, _, err := s.doAll(ctx, op, cmds...)
	return replies, err
}

func (s *Store) readReply(ctx context.Context, r rueidis.RedisResult, id driver.ID) (driver.Record, error) {
	msg, err := r.ToMessage()
	if err != nil {
		return driver.Record{}, nilIsNotFound(s.fail(ctx, opLoad, err))
	}
	return s.read(&msg, id)
}
