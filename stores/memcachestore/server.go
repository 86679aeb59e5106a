package memcachestore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
)

type client = memcache.Client

// server is one memcached. It is the net.Addr that the client library dials. The address is not resolved here, so that
// a name may change its address. It is also the client's selector, which always selects this server.
type server struct {
	network, addr string
	prefix        string // begins the keys of records
	subjects      string // begins the keys of subjects' lists
	labels        string // begins the keys of labels' lists
	breaker       *breaker.Breaker
	pool          pool
}

func newServer(name string, config *Config) (*server, error) {
	addr, generation, marked := strings.Cut(name, "#")
	sv := &server{network: "tcp", addr: addr, breaker: breaker.New(0, 0)}
	if strings.HasPrefix(addr, "/") {
		sv.network = "unix"
	} else if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || !isPort(port) {
		return nil, fmt.Errorf("%q is neither host:port nor the path of a Unix socket", addr)
	}
	if marked {
		if generation == "" || len(generation) > 20 || strings.Trim(strings.ToLower(generation), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return nil, fmt.Errorf("%q: want a generation of 1 to 20 letters and digits", name)
		}
		generation += ":"
	}
	sv.prefix = config.Prefix + generation
	sv.subjects = sv.prefix + "s:"
	sv.labels = sv.prefix + "l:"
	sv.pool.init(sv, config)
	return sv, nil
}

// Network implements net.Addr.
func (sv *server) Network() string { return sv.network }

// String implements net.Addr.
func (sv *server) String() string { return sv.addr }

// PickServer implements memcache.ServerSelector.
func (sv *server) PickServer(string) (net.Addr, error) { return sv, nil }

// Each implements memcache.ServerSelector.
func (sv *server) Each(f func(net.Addr) error) error { return f(sv) }

// do makes a call within ctx. Errors of the client that are answers come back as they are, all others as errors of
// package driver. A connection may have died unnoticed while it was idle. Then do repeats the call on a new one.
// repeated says that the server may have seen the call twice.
func (sv *server) do(ctx context.Context, op string, call func(*client) error) (repeated bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, unavailable(op, err)
	}
	if err := sv.breaker.Allow(); err != nil {
		return false, unavailable(op, err)
	}
	begun := time.Now()
	reused, err := sv.attempt(ctx, call)
	if reused && connectionLost(err) && ctx.Err() == nil {
		sv.pool.drain() // the other idle connections probably died, too
		repeated = true
		_, err = sv.attempt(ctx, call)
	}
	if answered(err) {
		sv.breaker.Success()
		return repeated, err
	}
	cause := contextErr(ctx)
	switch {
	case cause == nil:
		cause = err
		sv.report(begun, err)
	case errors.Is(cause, context.DeadlineExceeded) && !errors.Is(err, errAllInUse) && breaker.HadTime(ctx, begun):
		sv.breaker.Failure(begun, cause)
	}
	if strings.Contains(err.Error(), "CLIENT_ERROR unauthenticated") {
		cause = fmt.Errorf("the server wants a user and a password (memcached -Y), and the client library cannot send them: "+
			"let Config.DialContext send them on each connection that it opens: %w", cause)
	}
	if strings.Contains(err.Error(), "object too large") {
		return repeated, fmt.Errorf("memcachestore: %s: %w: %w", op, driver.ErrTooLarge, err)
	}
	return repeated, unavailable(op, cause)
}

// attempt makes a call on a connection that nobody else uses meanwhile. The end of ctx ends the call.
func (sv *server) attempt(ctx context.Context, call func(*client) error) (reused bool, err error) {
	l, reused, err := sv.pool.get(ctx)
	if err != nil {
		return false, err
	}
	stop := l.begin(ctx)
	reusable := false
	// Deferred, because Config.DialContext and its connections may panic, and the application may recover.
	defer func() { sv.pool.put(l, stop() && reusable) }()
	err = call(l.client)
	reusable = answered(err)
	return reused, err
}

// report tells the breaker about an error that no context has caused. A server that returns an error is not down.
func (sv *server) report(begun time.Time, err error) {
	if strings.Contains(err.Error(), "ERROR") {
		sv.breaker.Success()
	} else {
		sv.breaker.Failure(begun, err)
	}
}

// answered reports whether err is an answer of the protocol.
func answered(err error) bool {
	switch err {
	case nil, memcache.ErrCacheMiss, memcache.ErrNotStored, memcache.ErrCASConflict:
		return true
	}
	return false
}

// connectionLost reports whether err means that the connection broke, and not that a deadline passed.
func connectionLost(err error) bool {
	if answered(err) || strings.Contains(err.Error(), "ERROR") {
		return false
	}
	var timeout net.Error
	return !errors.As(err, &timeout) || !timeout.Timeout()
}

// contextErr returns the context's error. It does not wait for the context's timer: the connection's deadline may pass
// earlier.
func contextErr(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

func unavailable(op string, err error) error {
	return driver.Unavailable("memcachestore: "+op, err)
}

// isPort reports whether port is a number from 1 to 65535.
func isPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}
