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

// patience is the timeout of a call whose context has no deadline, and of each exchange over a connection that Open
// made. It is a variable for tests that are not about time: on a busy machine, a process may get no CPU time for
// seconds.
var patience = 2 * time.Second

// do sends one command and returns the reply. The error of a nil reply is rueidis.Nil. An error reply becomes
// ErrCorrupt or ErrUnavailable. unsure says that an attempt whose answer was lost may have run the command before.
func (s *Store) do(ctx context.Context, op string, cmd rueidis.Completed) (
	msg rueidis.RedisMessage, unsure bool, err error,
) {
	err = s.guard(ctx, op, cmd.Slot(), func(ctx context.Context) (err error) {
		msg, unsure, err = s.send(ctx, cmd)
		return err
	})
	return msg, unsure, err
}

// send sends a command. It sends it again if the connection was stale or was lost. The command is pinned: rueidis gives
// the memory of one that was answered to the next. If its connection was lost, and the client repeated the command over
// another one, the writer of the first may still be reading it. Open's connections have such a writer, too, with CacheFor
// and while rueidis checks whether they are alive.
func (s *Store) send(ctx context.Context, cmd rueidis.Completed) (msg rueidis.RedisMessage, unsure bool, err error) {
	cmd = cmd.Pin()
	reply := s.client.Do(ctx, cmd)
	if retryable(reply.NonRedisError()) {
		replies := []rueidis.RedisResult{reply}
		unsure = s.resend(ctx, []rueidis.Completed{cmd}, replies)
		reply = replies[0]
	}
	msg, err = reply.ToMessage()
	return msg, unsure, err
}

// doAll sends several commands at once, without waiting for replies in between. It returns a result for each. If no
// reply came, the result is an error. err is the first such error. Error replies of the server are only in the
// results.
func (s *Store) doAll(ctx context.Context, op string, cmds ...rueidis.Completed) (
	replies []rueidis.RedisResult, unsure bool, err error,
) {
	err = s.guard(ctx, op, cmds[0].Slot(), func(ctx context.Context) error {
		for i := range cmds {
			cmds[i] = cmds[i].Pin()
		}
		replies = slices.Clone(s.client.DoMulti(ctx, cmds...))
		unsure = s.resend(ctx, cmds, replies)
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

// breakerCount is the number of breakers. Each watches a part of a Cluster's slots. Nodes own ranges of slots, so if
// one node hangs, calls to the others go on. With a single server, the first breaker watches everything.
const breakerCount = 16

func (s *Store) breaker(slot uint16) *breaker.Breaker {
	if s.client.Mode() != rueidis.ClientModeCluster {
		slot = 0
	}
	return s.breakers[int(slot)*breakerCount/clusterSlots%breakerCount]
}

const clusterSlots = 1 << 14

// guard makes a call under the breaker and a deadline, and turns its error into one of package driver. slot is the slot
// of the call's key.
func (s *Store) guard(ctx context.Context, op string, slot uint16, call func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return s.unavailable(ctx, op, err)
	}
	b := s.breaker(slot)
	if err := b.Allow(); err != nil {
		return s.unavailable(ctx, op, err)
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
	return s.fail(ctx, op, err)
}

// blames reports whether an error means that the server does not answer, and not that the caller gave up or that the
// client is closed.
func blames(ctx context.Context, err error, begun time.Time) bool {
	if ctx.Err() == context.Canceled || errors.Is(err, rueidis.ErrClosing) {
		return false
	}
	return !errors.Is(err, context.DeadlineExceeded) || breaker.HadTime(ctx, begun)
}

// answered reports whether the server replied, even if only with an error.
func answered(err error) bool {
	if err == nil || rueidis.IsRedisNil(err) {
		return true
	}
	_, refused := rueidis.IsRedisErr(err)
	return refused
}

// fail turns an error into one of package driver. It leaves rueidis.Nil as it is.
func (s *Store) fail(ctx context.Context, op string, err error) error {
	if err == nil || rueidis.IsRedisNil(err) {
		return err
	}
	// For an error in a script, Redis 6 puts these words in the middle of its text.
	if reply, ok := rueidis.IsRedisErr(err); ok && strings.Contains(reply.Error(), "WRONGTYPE Operation") {
		return errCorrupt
	}
	return s.unavailable(ctx, op, err)
}
