package redisstore

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// A connection may die while it is idle: its server restarts, or a firewall cuts it. Open's client usually notices
// before it sends a command (errStale). Any other client notices by a command that fails, and nobody knows whether
// that ran. All commands of this package may run twice. Those that read, delete or touch change nothing the second
// time. Create, Update and Succeed recognize their own write by its mark.
const (
	maxStale     = 2000 // more connections than a client has
	maxLost      = 3    // how often a command is sent again
	probeFor     = 100 * time.Millisecond
	probeAtLeast = 64 // how many connections are probed, even if that takes longer
)

// retryable reports whether a command that failed with err may be sent again.
func retryable(err error) bool { return errors.Is(err, errStale) || connectionLost(err) }

// resend sends commands again if their connection was stale, so that they were not sent, or was lost. In a Cluster,
// that may be some of the commands. unsure says that some may have run twice.
func (s *Store) resend(ctx context.Context, cmds []rueidis.Completed, replies []rueidis.RedisResult) (unsure bool) {
	losses := 0
	for range maxStale {
		var failed []int
		var dead error
		for i, r := range replies {
			err := r.NonRedisError()
			if errors.Is(err, errStale) {
				failed = append(failed, i)
			} else if connectionLost(err) {
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
			repeated[n] = cmds[i].Pin() // the client may still use a command that failed
		}
		for n, r := range s.client.DoMulti(ctx, repeated...) {
			replies[failed[n]] = r
		}
	}
	return unsure
}

// reconnected reports whether the server of a key can be reached after a connection was lost. After a restart of the
// server, the pool may be full of dead connections. Each would make a call fail, so the probes remove them.
func (s *Store) reconnected(ctx context.Context, key string) bool {
	probe := s.client.B().Arbitrary("GETRANGE").Keys(key).Args("0", "0").Build().Pin()
	begun := time.Now()
	for n := 0; ctx.Err() == nil && n < maxStale && (n < probeAtLeast || time.Since(begun) < probeFor); n++ {
		err := s.client.Do(ctx, probe).Error()
		if answered(err) {
			return true
		}
		if !connectionLost(err) && !errors.Is(err, errStale) {
			return false
		}
	}
	return false
}

// keyOf returns the key of one of this package's commands. PING has none.
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

// connectionLost reports whether an error means that a connection broke, and not that a deadline passed or that the
// server cannot be reached.
func connectionLost(err error) bool {
	if answered(err) || errors.Is(err, errStale) || errors.Is(err, rueidis.ErrClosing) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var timeout net.Error
	var op *net.OpError
	return !(errors.As(err, &timeout) && timeout.Timeout()) && !(errors.As(err, &op) && op.Op == "dial")
}
