package redisstore

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"strings"

	"github.com/redis/rueidis"
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

// What the scripts on records answer. Where the index has to know first, a script
// changes nothing and answers with the record's subject, or with indexFirst.
const (
	gone       = 0
	conflict   = 1
	done       = 2
	indexFirst = 3
	exists     = 4
	corrupt    = -1
)

// Scripts are straight code: a local function costs a microsecond at each call.
// Deadlines and terms are digits, which every locale sorts as it should.
//
// look reads the head of the record KEYS[1] into h, and ends the script unless
// it is alive. ARGV[1] is the present.
const look = `
local h = redis.call('GETRANGE', KEYS[1], 0, 328)
if h == '' then return 0 end
if #h < 74 or h:byte() ~= 1 then return -1 end
if h:sub(10, 27) <= ARGV[1] then return 0 end
if h:sub(2, 9) ~= ARGV[2] then return 1 end
`

// lookReplace goes on for scripts that replace the record: the index has to know its subject for
// as long as it may live. ARGV: now, version, record, life, claim; the claim is the term and the
// subject of the new record, or empty if the index need not know or does.
const lookReplace = look + `
local claim = ARGV[5]
if claim ~= '' and h:sub(68, 67 + #claim) ~= claim then
	if h:sub(74, 67 + #claim) ~= claim:sub(7) or h:sub(68, 73) < claim:sub(1, 6) then return 3 end
end
`

var updateScript = newScript(lookReplace + `
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 2
`)

// rotateScript is updateScript for KEYS[1] and createScript for KEYS[2], both or
// neither. ARGV[6] and [7] are the next record and its life.
var rotateScript = newScript(lookReplace + `
local n = redis.call('GETRANGE', KEYS[2], 0, 26)
if n ~= '' and (#n < 27 or n:byte() ~= 1 or n:sub(10, 27) > ARGV[1]) then return 4 end
redis.call('SET', KEYS[2], ARGV[6], 'PX', ARGV[7])
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 2
`)

// createScript is the rare second half of Create: something is under the key,
// but it may have expired by our clock. ARGV: now, record, life.
var createScript = newScript(`
local n = redis.call('GETRANGE', KEYS[1], 0, 26)
if n ~= '' and (#n < 27 or n:byte() ~= 1 or n:sub(10, 27) > ARGV[1]) then return 4 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 2
`)

// touchScript writes the deadline in place, and the term if the record has no
// subject or the index knows. ARGV: now, version, deadline, life, term, indexed.
var touchScript = newScript(look + `
if h:sub(10, 27) >= ARGV[3] then return 2 end
if h:sub(68, 73) < ARGV[5] then
	local n = h:byte(74)
	if n > 0 and ARGV[6] ~= '1' then return h:sub(75, 74 + n) end
	redis.call('SETRANGE', KEYS[1], 67, ARGV[5])
end
redis.call('SETRANGE', KEYS[1], 9, ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 2
`)
