package redisstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/internal/breaker"
)

// patience is the deadline of a call whose context has none, and of each exchange over a connection that Open made.
// A variable for the tests that are not about time: a busy machine may give a process none for seconds.
var patience = 2 * time.Second

// do sends one command and returns the reply. A nil reply is rueidis.Nil, an
// error reply is ErrCorrupt or ErrUnavailable. unsure says that the command may have run once before, unseen.
func (s *Store) do(ctx context.Context, what string, cmd rueidis.Completed) (
	msg rueidis.RedisMessage, unsure bool, err error,
) {
	err = s.guard(ctx, what, cmd.Slot(), func(ctx context.Context) (err error) {
		msg, unsure, err = s.send(ctx, cmd)
		return err
	})
	return msg, unsure, err
}

// send sends a command, again as long as the connection was stale, and again after one was lost.
func (s *Store) send(ctx context.Context, cmd rueidis.Completed) (msg rueidis.RedisMessage, unsure bool, err error) {
	reply := s.client.Do(ctx, cmd)
	if again(reply.NonRedisError()) {
		replies := []rueidis.RedisResult{reply}
		unsure = s.repeat(ctx, []rueidis.Completed{cmd}, replies)
		reply = replies[0]
	}
	msg, err = reply.ToMessage()
	return msg, unsure, err
}

// doAll sends several commands at once, without waiting for one another's
// replies. There is a reply to each, if only the error that none came; the error
// returned is the first of these, and not what the server said.
func (s *Store) doAll(ctx context.Context, what string, cmds ...rueidis.Completed) (
	replies []rueidis.RedisResult, unsure bool, err error,
) {
	err = s.guard(ctx, what, cmds[0].Slot(), func(ctx context.Context) error {
		replies = slices.Clone(s.client.DoMulti(ctx, cmds...))
		unsure = s.repeat(ctx, cmds, replies)
		for _, r := range replies {
			if err := r.NonRedisError(); err != nil {
				return err
			}
		}
		return nil
	})
	if replies == nil { // the call was not made
		replies = slices.Repeat([]rueidis.RedisResult{rueidis.NewErrorResult(err)}, len(cmds))
	}
	return replies, unsure, err
}

// breakers watch a part of a Cluster's slots each. Nodes have ranges of slots, so that
// one that hangs does not have to be the whole of the Cluster. Of a single
// server, the first watches everything.
const breakers = 16

func (s *Store) breaker(slot uint16) *breaker.Breaker {
	if s.client.Mode() != rueidis.ClientModeCluster {
		slot = 0
	}
	return s.guards[int(slot)*breakers/clusterSlots%breakers]
}

const clusterSlots = 1 << 14

// guard makes a call under the breaker and a deadline, and puts its error into
// the contract's words. slot is that of the call's key.
func (s *Store) guard(ctx context.Context, what string, slot uint16, call func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return s.unavailable(ctx, what, err)
	}
	b := s.breaker(slot)
	if err := b.Allow(); err != nil {
		return s.unavailable(ctx, what, err)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	begun := time.Now()
	err := call(ctx)
	if answered(err) {
		b.Success()
	} else if blames(ctx, err, begun) {
		b.Failure(begun, err)
	}
	return s.fail(ctx, what, err)
}

// blames reports whether an error says that the server does not answer, and not
// that the caller gave up or the client is closed.
func blames(ctx context.Context, err error, begun time.Time) bool {
	if ctx.Err() == context.Canceled || errors.Is(err, rueidis.ErrClosing) {
		return false
	}
	return !errors.Is(err, context.DeadlineExceeded) || breaker.HadTime(ctx, begun)
}

// answered reports whether the server said something, be it a refusal.
func answered(err error) bool {
	if err == nil || rueidis.IsRedisNil(err) {
		return true
	}
	_, refused := rueidis.IsRedisErr(err)
	return refused
}

// fail puts an error into the contract's words. rueidis.Nil stays what it is.
func (s *Store) fail(ctx context.Context, what string, err error) error {
	if err == nil || rueidis.IsRedisNil(err) {
		return err
	}
	// In a script, Redis 6 says it in the middle of its own words.
	if reply, ok := rueidis.IsRedisErr(err); ok && strings.Contains(reply.Error(), "WRONGTYPE Operation") {
		return errCorrupt
	}
	return s.unavailable(ctx, what, err)
}
