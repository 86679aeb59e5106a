package redisstore

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// script is a Lua script. Redis calls it by its SHA-1. That is a constant here, because computing a SHA-1 panics if Go
// may only use approved cryptography (GODEBUG=fips140=only). A test compares the two.
type script struct{ sha, body string }

// bySHA returns the command for a script that the server knows, withBody that for one that it may not know.
func (sc script) bySHA(c rueidis.Client, keys []string, args []string) rueidis.Completed {
	return c.B().Evalsha().Sha1(sc.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

func (sc script) withBody(c rueidis.Client, keys []string, args []string) rueidis.Completed {
	return c.B().Eval().Script(sc.body).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

// scriptMissing reports whether the server did not know a script, and so did nothing.
func scriptMissing(err error) bool {
	reply, ok := rueidis.IsRedisErr(err)
	return ok && reply.IsNoScript()
}

// run calls a script. If the server does not know it, as after a restart or on a new master, run sends the body. unsure
// says that an attempt whose answer was lost may have run the script before.
func (s *Store) run(ctx context.Context, op string, sc script, keys []string, args ...string) (
	msg rueidis.RedisMessage, unsure bool, err error,
) {
	cmd := sc.bySHA(s.client, keys, args)
	err = s.guard(ctx, op, cmd.Slot(), func(ctx context.Context) (err error) {
		if msg, unsure, err = s.send(ctx, cmd); scriptMissing(err) {
			var twice bool
			msg, twice, err = s.send(ctx, sc.withBody(s.client, keys, args))
			unsure = unsure || twice
		}
		return err
	})
	return msg, unsure, err
}

// The replies of scripts on records. With needsRead, a script has changed nothing: the index must be updated first, or
// the stored record is not what the caller expects, so the caller has to read it.
const (
	gone      = 0
	conflict  = 1
	done      = 2
	exists    = 4
	needsRead = 5
	corrupt   = -1
	newer     = -2
)

// The scripts have no local functions, because each call of one takes a microsecond. They give redis.call numbers as
// strings, because Redis formats each number in half a microsecond. Times and terms are digits of fixed width, so that
// comparing them as strings works in every locale.
//
// Update, Touch and Succeed share their first arguments. "1" means yes.
//
//	KEYS[1]   the record              ARGV[5]   Update: is the deadline exact?  Touch: the deadline
//	ARGV[1]   the current time        ARGV[6]   Update: how many bytes to read  Touch: used
//	ARGV[2]   the expected version    ARGV[7]   Update: the new record          Touch: term of the deadline
//	ARGV[3]   life of the record
//	ARGV[4]   is the index up to date for the new term?
//
// The new record has the times that the caller asks for, and the bytes that it expects from created on: up to the data,
// or up to the ID if the record loses its names. The script reads two bytes more, so never less than the fields up to
// the names. If an Update runs twice, it finds its own beginning the second time.

// luaCheckWhole ends the script unless h begins a record whose two copies agree. GETRANGE cannot tell a missing key
// from an empty value, but PTTL can.
const luaCheckWhole = `
if h == '' then return redis.call('PTTL', KEYS[1]) == -2 and 0 or -1 end
if h:byte() > 1 then return -2 end
if #h < 151 or h:byte() ~= 1 or h:sub(6, 55) ~= h:sub(56, 105) then return -1 end
local expires = h:sub(14, 31)
`

// luaCheck ends the script unless the record is alive, has the expected version and is otherwise as the caller expects.
const luaCheck = `
local h, v = redis.call('GETRANGE', KEYS[1], '0', ARGV[6]), ARGV[7]
` + luaCheckWhole + `
if expires <= ARGV[1] or h:sub(6, 13) ~= ARGV[2] then
	if h:sub(1, 13) == v:sub(1, 13) then return 2 end
	if expires <= ARGV[1] then return 0 end
	return 1
end
local last = ARGV[6] - 1
if h:sub(110, last) ~= v:sub(110, last) then return 5 end
local e, u, t = v:sub(14, 31), v:sub(32, 49), v:sub(50, 55)
`

// luaMove computes the new times and the new term from e, u and t, which are what the caller asks for. It writes nothing
// yet. v is a record that has the names which will stay. px becomes whether the time to live changes.
const luaMove = `
local used, term = h:sub(32, 49), h:sub(50, 55)
if t > term then
	if ARGV[4] ~= '1' and v:sub(150, 151) ~= '\0\0' then return 5 end
	term = t
end
local px = e > expires or ARGV[5] == '1'
if px then expires = e end
if u > used then used = u end
`

// luaReplace writes the new record. Times that are later in the stored one stay.
const luaReplace = `
if expires ~= e or used ~= u or term ~= t then
	local times = expires .. used .. term
	v = v:sub(1, 13) .. times .. v:sub(6, 13) .. times .. v:sub(106)
end
if px then
	redis.call('SET', KEYS[1], v, 'PX', ARGV[3])
else
	redis.call('SET', KEYS[1], v, 'KEEPTTL')
end
return 2
`

// luaInsert writes the new record, the last but one of ARGV, under the last key. It ends the script if that key holds
// something that has not expired.
const luaInsert = `
if not redis.call('SET', KEYS[#KEYS], ARGV[#ARGV - 1], 'NX', 'PX', ARGV[#ARGV]) then
	local n = redis.call('GETRANGE', KEYS[#KEYS], 0, 104)
	if #n < 105 or n:byte() ~= 1 or n:sub(6, 55) ~= n:sub(56, 105) or n:sub(14, 31) > ARGV[1] then return 4 end
	redis.call('SET', KEYS[#KEYS], ARGV[#ARGV - 1], 'PX', ARGV[#ARGV])
end
`

var updateScript = script{"592f74df6dfe0ceae687588d1b8806477169f5c2", luaCheck + luaMove + luaReplace}

// succeedScript does createScript for KEYS[2] and updateScript for KEYS[1], or neither. ARGV[8] and [9] are the next
// record and its time to live.
var succeedScript = script{"9377c23d547755459cc633686058210558434ebd", luaCheck + luaMove + luaInsert + luaReplace}

// createScript is the rare second half of Create: the key is in use, but the record may have expired by our clock, or
// may be our own write. ARGV: now, record, life.
var createScript = script{"42af36e2625ad9d74a21f4e0d5e2ab0895732953", `
if redis.call('GETRANGE', KEYS[1], 0, 12) == ARGV[2]:sub(1, 13) then return 2 end
` + luaInsert + `
return 2
`}

// touchScript writes times and term in place. If they do not change, it writes nothing.
var touchScript = script{"8be9228f352a82b820c1e32de716b65db9dacdc6", `
local h = redis.call('GETRANGE', KEYS[1], '0', '150')
` + luaCheckWhole + `
if expires <= ARGV[1] then return 0 end
if h:sub(6, 13) ~= ARGV[2] then return 1 end
local v, e, u, t = h, ARGV[5], ARGV[6], ARGV[7]
` + luaMove + `
local moved = ARGV[2] .. expires .. used .. term
if moved == h:sub(6, 55) then return 2 end
redis.call('SETRANGE', KEYS[1], '5', moved .. moved)
if px then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 2
`}

// change is a call of updateScript or touchScript, or the part of succeedScript about the old record.
type change struct {
	keys, args []string
	version    uint64         // the record's version afterwards
	update     *driver.Record // nil: a Touch
	mark       uint32
}

// The arguments that change after the record was read.
const (
	argIndexed = 4 - 1
	argRead    = 6 - 1
	argRecord  = 7 - 1
)

func (s *Store) touchChange(id driver.ID, version uint64, used, expires time.Time) change {
	now, until := micros(s.now()), micros(expires)
	return change{
		keys: []string{s.key(id)},
		args: []string{
			timeDigits(now), versionBytes(version), life(until, now), no,
			timeDigits(until), timeDigits(micros(used)), termDigits(termOf(until)),
		},
		version: version,
	}
}

func (s *Store) updateChange(rec *driver.Record) change {
	now := micros(s.now())
	c := change{
		keys: []string{s.key(rec.ID)},
		args: []string{
			timeDigits(now), versionBytes(rec.Version), life(micros(rec.Expires), now), no,
			yesNo(rec.Exact), "", "",
		},
		version: rec.Version + 1, update: rec, mark: rand.Uint32(),
	}
	c.expect(rec)
	return c
}

// expect sets the arguments that depend on what is stored from created on.
func (c *change) expect(rec *driver.Record) {
	record := encode(rec, c.version, c.mark)
	expected := offLen
	if rec.Subject != "" {
		expected = offNames + int(record[offLen])<<8 + int(record[offLen+1])
	}
	c.args[argRead] = strconv.Itoa(expected + 1)
	c.args[argRecord] = record
}

// readAndIndex reads the record after a script has replied needsRead. It updates the index up to the deadline expires,
// and the change with what is stored.
func (s *Store) readAndIndex(ctx context.Context, op string, c *change, id driver.ID, expires time.Time) error {
	rec, err := s.fromPrimary(ctx, id)
	switch {
	case err != nil:
		return err
	case versionBytes(rec.Version) != c.args[1]:
		return errConflict
	}
	if c.update != nil {
		next := *c.update
		next.Created = rec.Created
		if next.Subject != "" {
			next.Subject, next.Labels = rec.Subject, rec.Labels
		}
		c.expect(&next)
	}
	if c.update == nil || c.update.Subject != "" {
		rec.Expires = expires
		if err = s.index(ctx, op, &rec); err != nil {
			return err
		}
	}
	c.args[argIndexed] = yes
	return nil
}

const no, yes = "0", "1"

func yesNo(is bool) string {
	if is {
		return yes
	}
	return no
}
