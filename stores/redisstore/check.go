package redisstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// aclCommands are the commands that a Redis user needs. INFO is for Open's warning. The client uses those after it.
const aclCommands = "+get +set +del +getrange +setrange +pexpire +pttl " +
	"+zadd +zrange +zrangebyscore +zrem +zscore +time +eval +evalsha +role +scan +ping " +
	"+info +client +multi +exec +cluster +asking +readonly"

// acl returns the rules that a Redis user needs besides a password, for keys with this prefix.
func acl(prefix string) string {
	return "~" + blankToWildcard.Replace(escape(prefix)) + "* " + aclCommands
}

// blankToWildcard replaces blanks, which an ACL may not contain, by the wildcard for one character.
var blankToWildcard = strings.NewReplacer(" ", "?", "\t", "?", "\n", "?", "\v", "?", "\f", "?", "\r", "?", "\x00", "?")

// refusal is the error of a command that a server refuses.
type refusal struct {
	addr, command, acl string
	err                error
}

func (r *refusal) Error() string {
	return fmt.Sprintf("redisstore: Redis at %s refuses %s, which the store needs: %v "+
		"(no command may be renamed, and a user needs: %s)",
		r.addr, r.command, r.err, r.acl)
}

func (r *refusal) Unwrap() error { return r.err }

// check sends every node each command that the store uses, in a form that changes nothing. If a node refuses a command,
// check returns an error. If a node cannot be reached, it does not, as long as another node can.
func (s *Store) check(ctx context.Context) error {
	var unreached error
	reached := false
	nodes := s.client.Nodes()
	for _, addr := range slices.Sorted(maps.Keys(nodes)) {
		err := s.checkNode(ctx, addr, nodes[addr])
		if refused := (*refusal)(nil); errors.As(err, &refused) {
			return err
		}
		if err != nil {
			unreached = err
		} else {
			reached = true
		}
	}
	if !reached {
		return s.unavailable(ctx, "redisstore: connect", unreached)
	}
	return nil
}

// checkNode sends the commands to one node. A node of a Cluster may say that a key is not its own, and a server may say
// that it is full. Redis checks that after the rights, so such an error is no refusal.
func (s *Store) checkNode(ctx context.Context, addr string, node rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	const key = "check"
	record, subject, label := s.sessions+key, s.subjects+key, s.labels+key
	touch := append([]string{"1", record}, s.touchChange(driver.ID{}, 1, s.now(), s.now()).args...)
	calls := [][]string{
		{"PING"},
		{"GET", record},
		{"SET", record, "", "XX"},
		{"DEL", record},
		{"GETRANGE", record, "0", "0"},
		{"SETRANGE", record, "0", ""},
		{"PEXPIRE", record, "1"},
		{"PTTL", record},
		{"ZADD", subject, "XX", "0", key},
		{"ZADD", label, "XX", "0", key},
		{"ZRANGE", subject, "0", "0"},
		{"ZRANGEBYSCORE", subject, "0", "0"},
		{"ZREM", subject, key},
		{"ZSCORE", subject, key},
		{"TIME"},
		append([]string{"EVAL", touchScript.body}, touch...),
		append([]string{"EVALSHA", touchScript.sha}, touch...),
		{"ROLE"},
		{"SCAN", "0", "COUNT", "1"},
		{"INFO", "memory"},
	}
	if s.cacheFor > 0 {
		calls = append(calls, []string{"MULTI"}, []string{"EXEC"})
	}
	cmds := make([]rueidis.Completed, len(calls))
	for i, words := range calls {
		cmds[i] = node.B().Arbitrary(words...).Build().ToRetryable()
	}
	for i, r := range node.DoMulti(ctx, cmds...) {
		command := calls[i][0]
		reply, err := r.ToMessage()
		switch {
		case !answered(err):
			return err
		case command == "INFO":
			text, _ := reply.ToString()
			s.warnOfEviction(ctx, addr, text)
		case refuses(err):
			return &refusal{addr, command, acl(s.prefix), err}
		case command == "EVAL" && (err == nil || rueidis.IsRedisNil(err)) && outcome(command, &reply, err) != errNotFound:
			return &refusal{addr, command, acl(s.prefix), errOddReply}
		}
	}
	return nil
}

// refuses reports whether an error means that the server does not run a command for this user. Errors about the
// server's state begin with a word in capitals. The client has removed the word ERR from the others.
func refuses(err error) bool {
	reply, ok := rueidis.IsRedisErr(err)
	if !ok || rueidis.IsRedisNil(err) {
		return false
	}
	word, _, _ := strings.Cut(reply.Error(), " ")
	return word == "NOPERM" || word == "EXECABORT" || word != strings.ToUpper(word)
}

// warnOfEviction logs a warning if a server's INFO names a policy that evicts keys. info may be empty.
func (s *Store) warnOfEviction(ctx context.Context, addr, info string) {
	_, rest, _ := strings.Cut(info, "maxmemory_policy:")
	policy, _, _ := strings.Cut(rest, "\r\n")
	if policy != "" && policy != "noeviction" {
		s.log.WarnContext(ctx, "redisstore: a full Redis would throw out live sessions; set maxmemory-policy to noeviction",
			"maxmemory-policy", policy, "server", addr)
	}
}
