package redisstore

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
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

// The scripts have no local functions, because each call of one takes a microsecond. Times and terms are digits of
// fixed width, so that comparing them as strings works in every locale.
//
// Update, Touch and Succeed share their first arguments. "1" means yes.
//
//	KEYS[1]   the record              ARGV[7]   is the index up to date for the term in [5]?
//	ARGV[1]   the current time        ARGV[8]   is the deadline exact?
//	ARGV[2]   the expected version    ARGV[9]   the new beginning: format, mark, version
//	ARGV[3]   deadline                ARGV[10]  the new checksum
//	ARGV[4]   used                    ARGV[11]  the expected bytes from created on: up to the data,
//	ARGV[5]   term of the deadline              or up to the ID if the record loses its names
//	ARGV[6]   time to live up to [3]  ARGV[12]  what to write after [11]: nothing, or a names length of zero
//	                                  ARGV[13]  data
//
// Touch has the first seven. If an Update runs twice, it finds its own beginning the second time.

// luaCheckWhole ends the script unless h begins a record whose two copies agree. GETRANGE cannot tell a missing key
// from an empty value, but PTTL can.
const luaCheckWhole = `
if h == '' and redis.call('PTTL', KEYS[1]) == -2 then return 0 end
if h == '' then return -1 end
if h:byte() > 1 then return -2 end
if #h < 151 or h:byte() ~= 1 or h:sub(6, 55) ~= h:sub(56, 105) then return -1 end
`

// luaMove computes the new times and the new term, and writes nothing yet. px becomes whether the time to live changes.
const luaMove = `
local expires, used, term = h:sub(14, 31), h:sub(32, 49), h:sub(50, 55)
if ARGV[5] > term then
	if ARGV[7] ~= '1' and ARGV[12] ~= '\0\0' and h:sub(150, 151) ~= '\0\0' then return 5 end
	term = ARGV[5]
end
local px = ARGV[3] > expires or ARGV[8] == '1'
if px then expires = ARGV[3] end
if ARGV[4] > used then used = ARGV[4] end
`

// luaCheck ends the script unless the record is alive, has the expected version and is otherwise as the caller expects.
const luaCheck = `
local h = redis.call('GETRANGE', KEYS[1], 0, 110 + #ARGV[11])
` + luaCheckWhole + `
if h:sub(14, 31) <= ARGV[1] or h:sub(6, 13) ~= ARGV[2] then
	if h:sub(1, 13) == ARGV[9] then return 2 end
	if h:sub(14, 31) <= ARGV[1] then return 0 end
	return 1
end
if h:sub(110, 109 + #ARGV[11]) ~= ARGV[11] then return 5 end
`

// luaReplace writes the record.
const luaReplace = `
local times = expires .. used .. term
local value = ARGV[9] .. times .. ARGV[9]:sub(6) .. times .. ARGV[10] .. ARGV[11] .. ARGV[12] .. ARGV[13]
if px then
	redis.call('SET', KEYS[1], value, 'PX', ARGV[6])
else
	redis.call('SET', KEYS[1], value, 'KEEPTTL')
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

var updateScript = script{"6115f26585ae337b503ec218bb9ac7331035ab3e", luaCheck + luaMove + luaReplace}

// succeedScript does createScript for KEYS[2] and updateScript for KEYS[1], or neither. ARGV[14] and [15] are the next
// record and its time to live.
var succeedScript = script{"a373facb15de30ba1e783db8d39f80a158bdd754", luaCheck + luaMove + luaInsert + luaReplace}

// createScript is the rare second half of Create: the key is in use, but the record may have expired by our clock, or
// may be our own write. ARGV: now, record, life.
var createScript = script{"42af36e2625ad9d74a21f4e0d5e2ab0895732953", `
if redis.call('GETRANGE', KEYS[1], 0, 12) == ARGV[2]:sub(1, 13) then return 2 end
` + luaInsert + `
return 2
`}

// touchScript writes times and term in place. If they do not change, it writes nothing.
var touchScript = script{"09854af535a427354d091f6be13a0d8962a6405b", `
local h = redis.call('GETRANGE', KEYS[1], 0, 150)
` + luaCheckWhole + `
if h:sub(14, 31) <= ARGV[1] then return 0 end
if h:sub(6, 13) ~= ARGV[2] then return 1 end
` + luaMove + `
local moved = ARGV[2] .. expires .. used .. term
if moved == h:sub(6, 55) then return 2 end
redis.call('SETRANGE', KEYS[1], 5, moved .. moved)
if px then redis.call('PEXPIRE', KEYS[1], ARGV[6]) end
return 2
`}

// change is a call of updateScript or touchScript, or the part of succeedScript about the old record.
type change struct {
	keys, args []string
	version    uint64 // the record's version afterwards

	// The arguments [9], [12] and [13] of an Update, for the checksum.
	beginning, rest, data []byte
}

// The arguments that change after the record was read.
const (
	argIndexed = 7 - 1
	argSum     = 10 - 1
	argStored  = 11 - 1
)

// noNames is a names length of zero.
var noNames = []byte{0, 0}

func (s *Store) touchChange(id driver.ID, version uint64, used, expires time.Time) change {
	now, until := micros(s.now()), micros(expires)
	return change{
		keys: []string{s.key(id)},
		args: []string{
			timeDigits(now), versionBytes(version),
			timeDigits(until), timeDigits(micros(used)), termDigits(termOf(until)), life(until, now), no,
		},
		version: version,
	}
}

func (s *Store) updateChange(rec *driver.Record) change {
	c := s.touchChange(rec.ID, rec.Version, rec.Used, rec.Expires)
	c.version++
	c.beginning, c.data = beginning(c.version, rand.Uint32()), rec.Data
	if rec.Subject == "" {
		c.rest = noNames
	}
	c.args = append(c.args, yesNo(rec.Exact), rueidis.BinaryString(c.beginning), "", "",
		rueidis.BinaryString(c.rest), rueidis.BinaryString(c.data))
	c.expect(rec)
	return c
}

// expect sets the arguments that depend on what is stored from created on.
func (c *change) expect(rec *driver.Record) {
	stored := origin(rec)
	if c.rest == nil {
		stored = origins(rec)
	}
	c.args[argStored] = rueidis.BinaryString(stored)
	crc := sum(c.beginning, stored, c.rest, c.data)
	c.args[argSum] = rueidis.BinaryString(binary.BigEndian.AppendUint32(nil, crc))
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
	if c.beginning != nil { // an Update
		c.expect(&rec)
	}
	if c.rest == nil {
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
