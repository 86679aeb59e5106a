package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// errStale is the error of a connection that the server had closed before the
// command was sent. Sending it again over another connection is safe.
var errStale = errors.New("the server closed the connection while it was idle")

// idle is how long a connection must have been silent before it is looked at.
// Under load none is.
const idle = time.Millisecond

// dial is the dialer of clients that Open makes. The client uses a connection for
// one call at a time; one that died in between, with the server that it led to,
// would make that call fail although another server is there by now.
func dial(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	raw, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, raw: raw}
	if config != nil {
		if config.ServerName == "" {
			config = config.Clone()
			config.ServerName, _, _ = net.SplitHostPort(addr)
		}
		secure := tls.Client(raw, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, err
		}
		c.Conn = secure
	}
	return c, nil
}

// conn looks whether the server has closed it before it begins a command.
type conn struct {
	net.Conn
	raw  net.Conn
	read atomic.Int64 // when the last reply came, in nanoseconds; 0 once a command was begun
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Store(time.Now().UnixNano())
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	if last := c.read.Swap(0); last != 0 && time.Now().UnixNano()-last > int64(idle) && closed(c.raw) {
		return 0, errStale
	}
	return c.Conn.Write(b)
}
