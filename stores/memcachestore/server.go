package memcachestore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
)

type client = memcache.Client

// server is one of the servers. It is the net.Addr that the client library dials, unresolved
// so that a name may change its address, and its selector of that one server.
type server struct {
	network, addr string
	prefix        string // of keys
	subjects      string // of the keys of subjects' lists
	labels        string // of the keys of labels' lists
	breaker       *breaker.Breaker
	pool          pool
}

func newServer(name string, config *Config) (*server, error) {
	addr, generation, marked := strings.Cut(name, "#")
	sv := &server{network: "tcp", addr: addr, breaker: breaker.New(0, 0)}
	if strings.HasPrefix(addr, "/") {
		sv.network = "unix"
	} else if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("%q is not host:port, nor the path of a socket", addr)
	}
	if marked {
		if generation == "" || len(generation) > 20 || strings.Trim(strings.ToLower(generation), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return nil, fmt.Errorf("%q: a generation is 1 to 20 letters and digits", name)
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

// do makes a call within ctx. The errors of the client that are answers come back as they
// are, all others as what package driver calls them. A connection that was idle may have died
// without a word, so the call is made again on a new one: again then says that
// the server may have seen it twice.
func (sv *server) do(ctx context.Context, what string, call func(*client) error) (again bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, unavailable(what, err)
	}
	if err := sv.breaker.Allow(); err != nil {
		return false, unavailable(what, err)
	}
	begun := time.Now()
	reused, err := sv.once(ctx, call)
	if reused && lost(err) && ctx.Err() == nil {
		sv.pool.drain() // its like died with it
		again = true
		_, err = sv.once(ctx, call)
	}
	if answered(err) {
		sv.breaker.Success()
		return again, err
	}
	cause := ended(ctx)
	switch {
	case cause == nil:
		cause = err
		sv.judge(begun, err)
	case errors.Is(cause, context.DeadlineExceeded) && !errors.Is(err, errBusy) && breaker.HadTime(ctx, begun):
		sv.breaker.Failure(begun, cause)
	}
	if strings.Contains(err.Error(), "CLIENT_ERROR unauthenticated") {
		cause = fmt.Errorf("the server wants a user and a password (memcached -Y), which the client library cannot send: "+
			"Config.DialContext can, with each connection that it opens: %w", cause)
	}
	if strings.Contains(err.Error(), "object too large") {
		return again, fmt.Errorf("memcachestore: %s: %w: %w", what, driver.ErrTooLarge, err)
	}
	return again, unavailable(what, cause)
}

// once makes a call on a connection that nobody else uses meanwhile. What ends the context
// ends it.
func (sv *server) once(ctx context.Context, call func(*client) error) (reused bool, err error) {
	l, reused, err := sv.pool.get(ctx)
	if err != nil {
		return false, err
	}
	stop := l.begin(ctx)
	well := false
	// Deferred, for Config.DialContext and its connections may panic, and the panic may be recovered from.
	defer func() { sv.pool.put(l, stop() && well) }()
	err = call(l.client)
	well = answered(err)
	return reused, err
}

// judge tells the breaker of an error that no context is to blame for. A server that complains
// is not down.
func (sv *server) judge(begun time.Time, err error) {
	if strings.Contains(err.Error(), "ERROR") {
		sv.breaker.Success()
	} else {
		sv.breaker.Failure(begun, err)
	}
}

// answered reports whether err is an answer of the protocol's.
func answered(err error) bool {
	switch err {
	case nil, memcache.ErrCacheMiss, memcache.ErrNotStored, memcache.ErrCASConflict:
		return true
	}
	return false
}

// lost reports whether err is the end of a connection, and not of somebody's patience.
func lost(err error) bool {
	if answered(err) || strings.Contains(err.Error(), "ERROR") {
		return false
	}
	var timeout net.Error
	return !errors.As(err, &timeout) || !timeout.Timeout()
}

// ended is ctx.Err, and does not wait for its timer: that of the connection may be quicker.
func ended(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

func unavailable(what string, err error) error {
	return driver.Unavailable("memcachestore: "+what, err)
}
