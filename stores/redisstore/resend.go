package redisstore

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// A connection may have died while it was idle, with the server or by a firewall. Open's client mostly notices
// before it sends anything (errStale). Any other finds out by a command that fails, and nobody knows whether it ran.
// All commands of this package may run twice: those that read, delete or touch change nothing the second time, and
// Create, Update and Succeed know their own work by its mark.
const (
	maxStale  = 2000 // more than a client has connections
	maxLost   = 3    // times that a command is sent again
	weedFor   = 100 * time.Millisecond
	weedLeast = 64 // connections that are tried, however long it takes
)

// again reports whether a command that ended in err may be sent again.
func again(err error) bool { return errors.Is(err, errStale) || lost(err) }

// repeat sends those commands again that met a stale connection, which did not send them, and those whose
// connection was lost. In a Cluster some of them may have, and others not. unsure says that some may have run twice.
func (s *Store) repeat(ctx context.Context, cmds []rueidis.Completed, replies []rueidis.RedisResult) (unsure bool) {
	losses := 0
	for range maxStale {
		var failed []int
		var dead error
		for i, r := range replies {
			err := r.NonRedisError()
			if errors.Is(err, errStale) {
				failed = append(failed, i)
			} else if lost(err) {
				failed, dead = append(failed, i), err
			}
		}
		if len(failed) == 0 {
			break
		}
		if dead != nil {
			if losses++; losses > maxLost || !s.reconnected(ctx, s.keyOf(cmds[failed[0]])) {
				break
			}
			unsure = true
		}
		repeated := make([]rueidis.Completed, len(failed))
		for n, i := range failed {
			repeated[n] = cmds[i].Pin() // a client that lost it may still be looking at it
		}
		for n, r := range s.client.DoMulti(ctx, repeated...) {
			replies[failed[n]] = r
		}
	}
	return unsure
}

// reconnected reports whether the server that has a key can be reached after a connection was lost. A restart
// leaves a pool of dead connections, of which each would cost a call: this weeds them out.
func (s *Store) reconnected(ctx context.Context, key string) bool {
	probe := s.client.B().Arbitrary("GETRANGE").Keys(key).Args("0", "0").Build().Pin()
	begun := time.Now()
	for n := 0; ctx.Err() == nil && n < maxStale && (n < weedLeast || time.Since(begun) < weedFor); n++ {
		err := s.client.Do(ctx, probe).Error()
		if answered(err) {
			return true
		}
		if !lost(err) && !errors.Is(err, errStale) {
			return false
		}
	}
	return false
}

// keyOf is the key of one of this package's commands; PING has none.
func (s *Store) keyOf(cmd rueidis.Completed) string {
	words := cmd.Commands()
	switch {
	case strings.HasPrefix(words[0], "EVAL"):
		return words[3]
	case len(words) > 1:
		return words[1]
	}
	return s.prefix
}

// lost reports whether an error is the end of a connection, and not of somebody's patience, nor that of a server
// that cannot be reached.
func lost(err error) bool {
	if answered(err) || errors.Is(err, errStale) || errors.Is(err, rueidis.ErrClosing) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var timeout net.Error
	var op *net.OpError
	return !(errors.As(err, &timeout) && timeout.Timeout()) && !(errors.As(err, &op) && op.Op == "dial")
}
