package redisstore

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// script is a Lua script. Redis calls it by its SHA-1, which stands here as a constant: where Go may only use
// approved cryptography (GODEBUG=fips140=only), working one out panics. A test compares them.
type script struct{ sha, body string }

// byName calls a script that the server knows, inFull one that it does not.
func (sc script) byName(c rueidis.Client, keys []string, args []string) rueidis.Completed {
	return c.B().Evalsha().Sha1(sc.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

func (sc script) inFull(c rueidis.Client, keys []string, args []string) rueidis.Completed {
	return c.B().Eval().Script(sc.body).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

// isUnknown reports whether the server refused a script by name, and so did nothing.
func isUnknown(err error) bool {
	reply, ok := rueidis.IsRedisErr(err)
	return ok && reply.IsNoScript()
}

// run calls a script by name, and in full if the server does not know it: after a restart or on a new
// master. unsure says that it may have run once before, unseen.
func (s *Store) run(ctx context.Context, what string, sc script, keys []string, args ...string) (
	msg rueidis.RedisMessage, unsure bool, err error,
) {
	cmd := sc.byName(s.client, keys, args)
	err = s.guard(ctx, what, cmd.Slot(), func(ctx context.Context) (err error) {
		if msg, unsure, err = s.send(ctx, cmd); isUnknown(err) {
			var twice bool
			msg, twice, err = s.send(ctx, sc.inFull(s.client, keys, args))
			unsure = unsure || twice
		}
		return err
	})
	return msg, unsure, err
}

// What the scripts on records answer. With ask, a script has changed nothing: the index has to know first, or
// what is stored is not what the caller thinks, so somebody has to look.
const (
	gone     = 0
	conflict = 1
	done     = 2
	exists   = 4
	ask      = 5
	corrupt  = -1
	newer    = -2
)

// Scripts are straight code: a local function costs a microsecond at each call.
// Times and terms are digits, which every locale sorts as it should.
//
// Update, Touch and Succeed share their first arguments. Answers are "1" for yes.
//
//	KEYS[1]   the record             ARGV[7]   does the index know the record up to [5]?
//	ARGV[1]   the present            ARGV[8]   is the deadline exact?
//	ARGV[2]   the version expected   ARGV[9]   the next beginning: format, mark, version
//	ARGV[3]   deadline               ARGV[10]  the next checksum
//	ARGV[4]   used                   ARGV[11]  what is stored from created on: all up to the data,
//	ARGV[5]   term of the deadline             or up to the ID if the record loses its names
//	ARGV[6]   time to live up to [3] ARGV[12]  what comes after [11]: nothing, or the length of no names
//	                                 ARGV[13]  data
//
// Touch has the first seven. An Update that may be sent twice finds its own beginning the second time.

// whole ends the script unless h is a record that its copies agree on. GETRANGE cannot tell a key that is not there
// from one with nothing under it; PTTL can.
const whole = `
if h == '' and redis.call('PTTL', KEYS[1]) == -2 then return 0 end
if h == '' then return -1 end
if h:byte() > 1 then return -2 end
if #h < 151 or h:byte() ~= 1 or h:sub(6, 55) ~= h:sub(56, 105) then return -1 end
`

// move works out the times and the term that the record is to have, and writes nothing yet. In px
// it leaves whether the time to live changes.
const move = `
local expires, used, term = h:sub(14, 31), h:sub(32, 49), h:sub(50, 55)
if ARGV[5] > term then
	if ARGV[7] ~= '1' and ARGV[12] ~= '\0\0' and h:sub(150, 151) ~= '\0\0' then return 5 end
	term = ARGV[5]
end
local px = ARGV[3] > expires or ARGV[8] == '1'
if px then expires = ARGV[3] end
if ARGV[4] > used then used = ARGV[4] end
`

// look ends the script unless the record is alive, has the version, and is otherwise as the caller thinks.
const look = `
local h = redis.call('GETRANGE', KEYS[1], 0, 110 + #ARGV[11])
` + whole + `
if h:sub(14, 31) <= ARGV[1] or h:sub(6, 13) ~= ARGV[2] then
	if h:sub(1, 13) == ARGV[9] then return 2 end
	if h:sub(14, 31) <= ARGV[1] then return 0 end
	return 1
end
if h:sub(110, 109 + #ARGV[11]) ~= ARGV[11] then return 5 end
`

// replace writes the record.
const replace = `
local times = expires .. used .. term
local value = ARGV[9] .. times .. ARGV[9]:sub(6) .. times .. ARGV[10] .. ARGV[11] .. ARGV[12] .. ARGV[13]
if px then
	redis.call('SET', KEYS[1], value, 'PX', ARGV[6])
else
	redis.call('SET', KEYS[1], value, 'KEEPTTL')
end
return 2
`

// insert writes the new record, ARGV's last but one, under the last key, and ends the script if something is there that
// has not expired.
const insert = `
if not redis.call('SET', KEYS[#KEYS], ARGV[#ARGV - 1], 'NX', 'PX', ARGV[#ARGV]) then
	local n = redis.call('GETRANGE', KEYS[#KEYS], 0, 104)
	if #n < 105 or n:byte() ~= 1 or n:sub(6, 55) ~= n:sub(56, 105) or n:sub(14, 31) > ARGV[1] then return 4 end
	redis.call('SET', KEYS[#KEYS], ARGV[#ARGV - 1], 'PX', ARGV[#ARGV])
end
`

var updateScript = script{"6115f26585ae337b503ec218bb9ac7331035ab3e", look + move + replace}

// succeedScript is createScript for KEYS[2] and updateScript for KEYS[1], both or neither. ARGV[14] and
// [15] are the next record and its time to live.
var succeedScript = script{"a373facb15de30ba1e783db8d39f80a158bdd754", look + move + insert + replace}

// createScript is the rare second half of Create: something is under the key, but it may have expired by our
// clock, or be our own. ARGV: now, record, life.
var createScript = script{"42af36e2625ad9d74a21f4e0d5e2ab0895732953", `
if redis.call('GETRANGE', KEYS[1], 0, 12) == ARGV[2]:sub(1, 13) then return 2 end
` + insert + `
return 2
`}

// touchScript writes times and term in place, and nothing where nothing moves.
var touchScript = script{"09854af535a427354d091f6be13a0d8962a6405b", `
local h = redis.call('GETRANGE', KEYS[1], 0, 150)
` + whole + `
if h:sub(14, 31) <= ARGV[1] then return 0 end
if h:sub(6, 13) ~= ARGV[2] then return 1 end
` + move + `
local moved = ARGV[2] .. expires .. used .. term
if moved == h:sub(6, 55) then return 2 end
redis.call('SETRANGE', KEYS[1], 5, moved .. moved)
if px then redis.call('PEXPIRE', KEYS[1], ARGV[6]) end
return 2
`}

// change is a call of updateScript or touchScript, or the part of succeedScript that is for the
// old record.
type change struct {
	keys, args []string
	version    uint64 // of the record afterwards

	// Of an Update: what the arguments of the same names hold, for the checksum.
	beginning, rest, data []byte
}

// Arguments that a look at the record changes.
const (
	argIndexed = 7 - 1
	argSum     = 10 - 1
	argKnown   = 11 - 1
)

// noNames is the length of no names.
var noNames = []byte{0, 0}

func (s *Store) touching(id driver.ID, version uint64, used, expires time.Time) change {
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

func (s *Store) replacing(rec *driver.Record) change {
	c := s.touching(rec.ID, rec.Version, rec.Used, rec.Expires)
	c.version++
	c.beginning, c.data = beginning(c.version, rand.Uint32()), rec.Data
	if rec.Subject == "" {
		c.rest = noNames
	}
	c.args = append(c.args, answer(rec.Exact), rueidis.BinaryString(c.beginning), "", "",
		rueidis.BinaryString(c.rest), rueidis.BinaryString(c.data))
	c.know(rec)
	return c
}

// know says what is stored from created on.
func (c *change) know(rec *driver.Record) {
	stored := origin(rec)
	if c.rest == nil {
		stored = origins(rec)
	}
	c.args[argKnown] = rueidis.BinaryString(stored)
	crc := sum(c.beginning, stored, c.rest, c.data)
	c.args[argSum] = rueidis.BinaryString(binary.BigEndian.AppendUint32(nil, crc))
}

// inform reads the record that a script asks about. Then the index gets to know it up to a deadline, and the
// change what is stored.
func (s *Store) inform(ctx context.Context, what string, c *change, id driver.ID, expires time.Time) error {
	rec, err := s.fromPrimary(ctx, id)
	switch {
	case err != nil:
		return err
	case versionBytes(rec.Version) != c.args[1]:
		return errConflict
	}
	if c.beginning != nil { // an Update
		c.know(&rec)
	}
	if c.rest == nil {
		rec.Expires = expires
		if err = s.index(ctx, what, &rec); err != nil {
			return err
		}
	}
	c.args[argIndexed] = yes
	return nil
}

const no, yes = "0", "1"

func answer(is bool) string {
	if is {
		return yes
	}
	return no
}
