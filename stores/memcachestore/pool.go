package memcachestore

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

// pool holds the connections to one server, each in a client of its own: only so is it known
// which connection a call uses, and a context can end that one.
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
	over bool     // ctx has ended
}

var errBusy = errors.New("all connections are in use (Config.MaxConns)")

func (p *pool) init(sv *server, config *Config) {
	p.server, p.config, p.permits = sv, config, make(chan struct{}, config.MaxConns)
}

// get waits for a connection. reused: it was open before.
func (p *pool) get(ctx context.Context) (l *link, reused bool, err error) {
	select {
	case p.permits <- struct{}{}:
	default:
		select {
		case p.permits <- struct{}{}:
		case <-ctx.Done():
			return nil, false, errBusy
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

// put takes a connection back, or closes it: one whose call did not end well may still get
// the answer, and give it to another call.
func (p *pool) put(l *link, well bool) {
	defer func() { <-p.permits }() // also if Close of the user's connection panics
	p.mu.Lock()
	keep := well && !p.closed && len(p.idle) < p.config.MaxIdleConns
	if keep {
		l.ctx = nil
		p.idle = append(p.idle, l)
	}
	p.mu.Unlock()
	if !keep {
		_ = l.close()
	}
}

// drain closes what is idle.
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

// begin binds the link to a call. stop reports whether the context has left it alone.
func (l *link) begin(ctx context.Context) (stop func() bool) {
	l.ctx = ctx
	if ctx.Done() == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(ctx, l.end)
}

var past = time.Unix(1, 0)

// end makes what waits on the connection give up.
func (l *link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.conn != nil {
		_ = l.conn.SetDeadline(past)
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

// conn is a connection whose deadlines never lie behind the end of the call's context.
type conn struct {
	net.Conn
	l *link
}

// SetDeadline is what the client calls before each exchange.
func (c *conn) SetDeadline(t time.Time) error {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	if c.l.over {
		return c.Conn.SetDeadline(past)
	}
	if deadline, ok := c.l.ctx.Deadline(); ok && deadline.Before(t) {
		t = deadline
	}
	return c.Conn.SetDeadline(t)
}
