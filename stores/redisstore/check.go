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

// rights are the commands that a user of Redis needs. INFO is for the warning of Open, and those after it are the
// client's.
const rights = "+get +set +del +getrange +setrange +pexpire +pttl " +
	"+zadd +zrange +zrangebyscore +zrem +zscore +time +eval +evalsha +role +scan +ping " +
	"+info +client +multi +exec +cluster +asking +readonly"

// acl is what a user of Redis needs beside a password, for keys that begin so.
func acl(prefix string) string { return "~" + unspaced.Replace(escape(prefix)) + "* " + rights }

// unspaced has any character where an ACL may have no blank.
var unspaced = strings.NewReplacer(" ", "?", "\t", "?", "\n", "?", "\v", "?", "\f", "?", "\r", "?", "\x00", "?")

// refusal is a command that a server does not run.
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

// check asks every node for each command that the store uses, in a form that changes nothing. A refusal is an
// error. A node that cannot be reached is none, as long as another can.
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

// checkNode sends the commands to one node. What a node of a Cluster says of a key that is not its own, or a
// server that is full, comes after the question whether the command is allowed, and is no refusal.
func (s *Store) checkNode(ctx context.Context, addr string, node rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	const key = "check"
	record, subject, label := s.sessions+key, s.subjects+key, s.labels+key
	touch := append([]string{"1", record}, s.touching(driver.ID{}, 1, s.now(), s.now()).args...)
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
			return &refusal{addr, command, acl(s.prefix), errOdd}
		}
	}
	return nil
}

// refuses reports whether a server does not run a command for us. Its errors begin with a word in capitals if
// they are about its state, and the client has taken the word ERR away.
func refuses(err error) bool {
	reply, ok := rueidis.IsRedisErr(err)
	if !ok || rueidis.IsRedisNil(err) {
		return false
	}
	word, _, _ := strings.Cut(reply.Error(), " ")
	return word == "NOPERM" || word == "EXECABORT" || word != strings.ToUpper(word)
}

// warnOfEviction reads a server's INFO, if it gave any.
func (s *Store) warnOfEviction(ctx context.Context, addr, info string) {
	_, rest, _ := strings.Cut(info, "maxmemory_policy:")
	policy, _, _ := strings.Cut(rest, "\r\n")
	if policy != "" && policy != "noeviction" {
		s.log.WarnContext(ctx, "redisstore: a full Redis throws out live sessions; set maxmemory-policy to noeviction",
			"maxmemory-policy", policy, "server", addr)
	}
}
