package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// limitScript inserts a record within the limit of its subject. It must be told the keys that it uses, so it is given
// the members of the subject's set that the caller knows. If the set has others, it changes nothing, and returns
// "changed" and all members. Otherwise it returns "full", or "done" and the IDs that it has removed, or 4 as luaInsert
// does. If it runs twice, it finds its own record the second time.
//
//	KEYS[1]    the set of the subject      ARGV[1]   the current time
//	KEYS[2..]  the records of ARGV[6..]    ARGV[2]   the limit
//	KEYS[#]    the new record              ARGV[3]   "1": refuse
//	                                       ARGV[4]   the subject, as it begins the names of a record
//	                                       ARGV[5]   life of the set
//	                                       ARGV[6..] the known members: "+" if it counts, "-" if not, and the ID
//	                                       ARGV[#]   the new record, and its time to live
//
// The oldest are found byte by byte, because the order of strings depends on the locale.
var limitScript = script{"d193fceb30e36723307f211e92b25565494011ba", `
local record = ARGV[#ARGV - 1]
if redis.call('GETRANGE', KEYS[#KEYS], '0', '12') == record:sub(1, 13) then return {'done'} end
local known = {}
for i = 6, #ARGV - 2 do known[ARGV[i]:sub(2)] = i end
local members = redis.call('ZRANGE', KEYS[1], '0', '-1')
for _, id in ipairs(members) do
	if not known[id] then
		table.insert(members, 1, 'changed')
		return members
	end
end
local key, live, dead, over = {}, {}, {}, 1 - tonumber(ARGV[2])
for _, id in ipairs(members) do
	local i = known[id]
	if ARGV[i]:byte() == 43 then
		local h = redis.pcall('GETRANGE', KEYS[i - 4], '0', '1176')
		if h == '' then
			dead[#dead + 1] = id
		elseif type(h) == 'string' and h:byte() > 1 then
			over = over + 1
		elseif type(h) == 'string' and #h >= 151 and h:byte() == 1 and h:sub(6, 55) == h:sub(56, 105) and
			h:sub(14, 31) > ARGV[1] and h:sub(152, 151 + #ARGV[4]) == ARGV[4] then
			local ended = h:byte(153 + 256 * h:byte(150) + h:byte(151))
			if not ended or ended == 0 then
				over = over + 1
				local begun = h:sub(110, 149)
				live[#live + 1] = begun
				key[begun] = KEYS[i - 4]
			end
		end
	end
end
if over > 0 and ARGV[3] == '1' then return {'full'} end
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, record:sub(118, 149))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[5]) then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
for _, id in ipairs(dead) do
	if tonumber(redis.call('ZSCORE', KEYS[1], id)) < now - 60 then redis.call('ZREM', KEYS[1], id) end
end
` + luaInsert + `
local reply = {'done'}
if over > 0 then
	table.sort(live, function(a, b)
		for i = 1, 40 do
			local x, y = a:byte(i), b:byte(i)
			if x ~= y then return x < y end
		end
		return false
	end)
	for i = 1, math.min(over, #live) do
		local id = live[i]:sub(9)
		redis.call('DEL', key[live[i]])
		redis.call('ZREM', KEYS[1], id)
		reply[#reply + 1] = id
	end
end
return reply
`}

// CreateLimited implements driver.Limiter, but not in a Cluster without a common hash tag (Config.Prefix): AbilitiesOf
// says so, and the error is errors.ErrUnsupported.
func (s *Store) CreateLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
	if !s.oneSlot {
		return nil, fmt.Errorf("redisstore: a limit needs all keys on one node of the Cluster, so a hash tag in Config.Prefix: %w", errors.ErrUnsupported)
	}
	if err := checkNew(rec); err != nil {
		return nil, err
	}
	entries := s.entries(rec)
	if err := s.indexLabels(ctx, entries[1:]); err != nil {
		return nil, err
	}
	now := micros(s.now())
	version := max(now, 1)
	c := limitCall{
		set: entries[0].key, rec: rec, except: limit.Except,
		args: []string{
			timeDigits(now), strconv.Itoa(limit.Most), yesNo(limit.Refuse), string(appendNames(nil, &driver.Record{Subject: rec.Subject})), entries[0].args[1],
		},
		value: encode(rec, version, rand.Uint32()), life: life(micros(rec.Expires), now),
	}
	reply, err := s.limit(ctx, &c)
	s.wrote(rec.ID)
	if err != nil {
		return nil, err
	}
	if reply[0] == "full" {
		return nil, errLimit
	}
	var removed []driver.ID
	for _, member := range reply[1:] {
		id := driver.ID([]byte(member))
		s.wrote(id)
		removed = append(removed, id)
	}
	rec.Version = version
	return removed, nil
}

const opLimit = "redisstore: create within a limit"

// indexLabels adds a record to the sets of its labels, before it is there. A record that is not inserted then leaves a
// dead member, as after any Create that fails.
func (s *Store) indexLabels(ctx context.Context, labels []entry) error {
	if len(labels) == 0 {
		return nil
	}
	replies, _, err := s.doAll(ctx, opLimit, s.indexCommands(labels)...)
	if err == nil {
		err = s.indexed(ctx, opLimit, labels, replies)
	}
	return err
}

// limitCall is a call of limitScript, without the members.
type limitCall struct {
	set         string
	rec         *driver.Record
	except      []driver.ID
	args        []string // the first five
	value, life string   // the last two
}

// with returns the keys and arguments of the call, given the members that are known.
func (c *limitCall) with(s *Store, members []string) (keys, args []string) {
	keys, args = []string{c.set}, slices.Clone(c.args)
	for _, member := range members {
		key, sign := c.set, "-" // no ID: it has no record
		if isID(member) {
			id := driver.ID([]byte(member))
			key = s.key(id)
			if id != c.rec.ID && [16]byte(id[16:]) == [16]byte(c.rec.ID[16:]) && !slices.Contains(c.except, id) {
				sign = "+"
			}
		}
		keys, args = append(keys, key), append(args, sign+member)
	}
	return append(keys, s.key(c.rec.ID)), append(args, c.value, c.life)
}

func isID(member string) bool { return len(member) == len(driver.ID{}) }

// maxChanged is how often CreateLimited tries again because the user's set has changed. Each time, another call of the
// same user has succeeded.
const maxChanged = 1000

var errChanged = errors.New("the user signed in elsewhere again and again")

// limit calls limitScript until it knows all members. The first call knows none, which is enough for a user's first
// session.
func (s *Store) limit(ctx context.Context, c *limitCall) (reply []string, err error) {
	unsure := false
	var members []string
	for range maxChanged {
		keys, args := c.with(s, members)
		msg, twice, err := s.run(ctx, opLimit, limitScript, keys, args...)
		unsure = unsure || twice
		if err == nil && msg.IsInt64() {
			if err = outcome(opLimit, &msg, nil); err != errExists {
				err = oddReply(opLimit)
			}
			return nil, withDoubt(opLimit, unsure, err)
		}
		reply, err := listOf(opLimit, &msg, err)
		switch {
		case err != nil:
			return nil, err
		case !isLimitReply(reply):
			return nil, oddReply(opLimit)
		case reply[0] != "changed":
			return reply, nil
		}
		members = reply[1:]
	}
	return nil, driver.Unavailable(opLimit, errChanged)
}

// isLimitReply reports whether limitScript can have replied so.
func isLimitReply(reply []string) bool {
	switch {
	case len(reply) == 0:
		return false
	case reply[0] == "done":
		return !slices.ContainsFunc(reply[1:], func(member string) bool { return !isID(member) })
	case reply[0] == "full":
		return len(reply) == 1
	}
	return reply[0] == "changed" && len(reply) > 1
}
