package memcachestore

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

// pool holds the connections to one server. Each has its own client: that is the only way to know which connection a
// call uses, so that the end of a context can interrupt it.
type pool struct {
	server  *server
	config  *Config
	permits chan struct{}

	mu     sync.Mutex
	idle   []*link // last in, first out
	closed bool
}

// link is a client with at most one connection, used by one call at a time.
type link struct {
	client *client
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	wait   time.Duration // Config.Timeout

	ctx  context.Context // of the call under way
	mu   sync.Mutex
	conn net.Conn // nil before the first call
	done bool     // ctx has ended
}

var errAllInUse = errors.New("all connections are in use (Config.MaxConns)")

func (p *pool) init(sv *server, config *Config) {
	p.server, p.config, p.permits = sv, config, make(chan struct{}, config.MaxConns)
}

// get waits for a connection. reused says that the connection was open before.
func (p *pool) get(ctx context.Context) (l *link, reused bool, err error) {
	select {
	case p.permits <- struct{}{}:
	default:
		select {
		case p.permits <- struct{}{}:
		case <-ctx.Done():
			return nil, false, errAllInUse
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		l, p.idle = p.idle[n-1], p.idle[:n-1]
		return l, true, nil
	}
	return p.newLink(), false, nil
}

func (p *pool) newLink() *link {
	l := &link{dial: p.config.DialContext, wait: p.config.Timeout}
	l.client = memcache.NewFromSelector(p.server)
	l.client.Timeout = p.config.Timeout
	l.client.MaxIdleConns = 1
	l.client.DialContext = l.open
	return l
}

// put takes a connection back if it is reusable, and otherwise closes it: after a failed call the answer may still
// arrive, and another call would read it.
func (p *pool) put(l *link, reusable bool) {
	defer func() { <-p.permits }() // also if Close of the application's connection panics
	p.mu.Lock()
	keep := reusable && !p.closed && len(p.idle) < p.config.MaxIdleConns
	if keep {
		l.ctx = nil
		p.idle = append(p.idle, l)
	}
	p.mu.Unlock()
	if !keep {
		_ = l.close()
	}
}

// drain closes the idle connections.
func (p *pool) drain() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, l := range idle {
		_ = l.close()
	}
}

func (p *pool) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.drain()
	return nil
}

// begin binds the link to a call. stop ends that, and reports whether the context has not interrupted the call.
func (l *link) begin(ctx context.Context) (stop func() bool) {
	l.ctx = ctx
	if ctx.Done() == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(ctx, l.end)
}

var longAgo = time.Unix(1, 0)

// end interrupts reads and writes on the connection.
func (l *link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = true
	if l.conn != nil {
		_ = l.conn.SetDeadline(longAgo)
	}
}

// open is the client's DialContext.
func (l *link) open(_ context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(l.ctx, l.wait)
	defer cancel()
	c, err := l.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = c
	return &conn{c, l}, nil
}

func (l *link) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil
	}
	return l.conn.Close()
}

// conn is a connection whose deadline is never later than the end of the call's context.
type conn struct {
	net.Conn
	l *link
}

// SetDeadline implements net.Conn. The client calls it before each exchange.
func (c *conn) SetDeadline(t time.Time) error {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	if c.l.done {
		return c.Conn.SetDeadline(longAgo)
	}
	if deadline, ok := c.l.ctx.Deadline(); ok && deadline.Before(t) {
		t = deadline
	}
	return c.Conn.SetDeadline(t)
}
