package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// errStale says that the server had closed the connection before the command was sent. So sending the command again is
// safe.
var errStale = errors.New("the server closed the connection while it was idle")

// idleAfter is how long a connection must have been silent before Write checks it. Under load, no connection is.
const idleAfter = time.Millisecond

// dial is the dialer of clients that Open makes. The client uses a connection for one call at a time. If a connection
// died between two calls because its server restarted, the next call would fail although the server is back.
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

// conn checks before each command whether the server has closed the connection.
type conn struct {
	net.Conn
	raw  net.Conn
	read atomic.Int64 // when the last reply came, in nanoseconds; 0 after a command has begun
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Store(time.Now().UnixNano())
	return n, err
}

func (c *conn) Write(b []byte) (int, error) {
	if last := c.read.Swap(0); last != 0 && time.Now().UnixNano()-last > int64(idleAfter) && closed(c.raw) {
		return 0, errStale
	}
	return c.Conn.Write(b)
}
