package redisstore

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// script is a Lua script. SHA-1 is the name that Redis gives it.
type script struct{ body, sha string }

func newScript(body string) script {
	body = strings.TrimSpace(body)
	sum := sha1.Sum([]byte(body))
	return script{body, hex.EncodeToString(sum[:])}
}

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

// run calls a script by name, and in full if the server does not know it: after
// a restart or on a new master.
func (s *Store) run(ctx context.Context, what string, sc script, keys []string, args ...string) (rueidis.RedisMessage, error) {
	cmd := sc.byName(s.client, keys, args)
	var msg rueidis.RedisMessage
	err := s.guard(ctx, what, cmd.Slot(), func(ctx context.Context) (err error) {
		if msg, err = s.send(ctx, cmd); isUnknown(err) {
			msg, err = s.send(ctx, sc.inFull(s.client, keys, args))
		}
		return err
	})
	return msg, err
}

// What the scripts on records answer. Where the index has to know first, a script changes
// nothing and answers with the record's names.
const (
	gone     = 0
	conflict = 1
	done     = 2
	exists   = 4
	corrupt  = -1
	newer    = -2
)

// Scripts are straight code: a local function costs a microsecond at each call.
// Times and terms are digits, which every locale sorts as it should.
//
// Update, Touch and Succeed share their first arguments. Answers are "1" for yes.
//
//	KEYS[1]   the record             ARGV[6]   time to live up to [3]
//	ARGV[1]   the present            ARGV[7]   does the index know the record up to [5]?
//	ARGV[2]   the version expected   ARGV[8]   is the deadline exact?
//	ARGV[3]   deadline               ARGV[9]   does the record lose its names?
//	ARGV[4]   used                   ARGV[10]  the next version
//	ARGV[5]   term of the deadline   ARGV[11]  data
//
// Touch has the first seven.
//
// look ends the script unless the record is alive and has the version. It leaves the record up to
// its data in h, and the length of that in n.
const look = `
local h = redis.call('GETRANGE', KEYS[1], 0, 348)
if h == '' then return 0 end
if h:byte() > 1 then return -2 end
if #h < 93 or h:byte() ~= 1 then return -1 end
if h:sub(10, 27) <= ARGV[1] then return 0 end
if h:sub(2, 9) ~= ARGV[2] then return 1 end
local high, low = h:byte(92, 93)
local n = 93 + 256 * high + low
if #h < n then h = redis.call('GETRANGE', KEYS[1], 0, n - 1) end
if #h < n then return -1 end
`

// move works out the times, the term and the names that the record is to have, and writes
// nothing yet. In px it leaves whether the time to live changes.
const move = `
local expires, used, term, names = h:sub(10, 27), h:sub(28, 45), h:sub(86, 91), h:sub(94, n)
if ARGV[9] == '1' then names = '' end
if ARGV[5] > term then
	if names ~= '' and ARGV[7] ~= '1' then return names end
	term = ARGV[5]
end
local px = ARGV[3] > expires or ARGV[8] == '1'
if px then expires = ARGV[3] end
if ARGV[4] > used then used = ARGV[4] end
`

// replace writes the record. What is in none of the arguments stays as it is stored.
const replace = `
local size = '\0\0'
if names ~= '' then size = h:sub(92, 93) end
local value = '\1' .. ARGV[10] .. expires .. used .. h:sub(46, 85) .. term .. size .. names .. ARGV[11]
if px then
	redis.call('SET', KEYS[1], value, 'PX', ARGV[6])
else
	redis.call('SET', KEYS[1], value, 'KEEPTTL')
end
return 2
`

var updateScript = newScript(look + move + replace)

// succeedScript is createScript for KEYS[2] and updateScript for KEYS[1], both or neither: it
// never has to ask the index, since the old record loses its names. ARGV[12] and [13] are the
// next record and its time to live.
var succeedScript = newScript(look + move + `
local other = redis.call('GETRANGE', KEYS[2], 0, 26)
if other ~= '' and (#other < 27 or other:byte() ~= 1 or other:sub(10, 27) > ARGV[1]) then return 4 end
redis.call('SET', KEYS[2], ARGV[12], 'PX', ARGV[13])
` + replace)

// createScript is the rare second half of Create: something is under the key,
// but it may have expired by our clock. ARGV: now, record, life.
var createScript = newScript(`
local n = redis.call('GETRANGE', KEYS[1], 0, 26)
if n ~= '' and (#n < 27 or n:byte() ~= 1 or n:sub(10, 27) > ARGV[1]) then return 4 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 2
`)

// touchScript writes times and term in place, and nothing where nothing moves.
var touchScript = newScript(look + move + `
local times = expires .. used
if times == h:sub(10, 45) then return 2 end
redis.call('SETRANGE', KEYS[1], 9, times)
if px then
	redis.call('PEXPIRE', KEYS[1], ARGV[6])
	if term ~= h:sub(86, 91) then redis.call('SETRANGE', KEYS[1], 85, term) end
end
return 2
`)

// change is a call of updateScript or touchScript, or the part of succeedScript that is for the
// old record.
type change struct {
	keys, args []string
	version    uint64 // of the record afterwards
}

const argIndexed = 7 - 1

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
	c.args = append(c.args, answer(rec.Exact), answer(rec.Subject == ""), versionBytes(c.version), textOf(rec.Data))
	return c
}

const no, yes = "0", "1"

func answer(is bool) string {
	if is {
		return yes
	}
	return no
}
