package memcachestore

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// lossyDialer loses the reply to the next cas on a connection that was in use before. It calls meanwhile before it
// reports that the connection has ended.
type lossyDialer struct {
	mu        sync.Mutex
	meanwhile func()
}

func (d *lossyDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	return &lossyConn{Conn: c, d: d}, err
}

type lossyConn struct {
	net.Conn
	d             *lossyDialer
	used, writing bool
}

func (c *lossyConn) Write(b []byte) (int, error) {
	c.writing = bytes.HasPrefix(b, []byte("cas "))
	return c.Conn.Write(b)
}

func (c *lossyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	lose := c.used && c.writing
	c.used, c.writing = true, false
	c.d.mu.Lock()
	meanwhile := c.d.meanwhile
	if lose {
		c.d.meanwhile = nil
	}
	c.d.mu.Unlock()
	if lose && meanwhile != nil {
		meanwhile()
		return 0, io.EOF
	}
	return n, err
}

// TestLostThenGone: an Update succeeds and its reply is lost. When the store retries it, the record is gone, or another
// write has changed it. ErrNotFound or ErrConflict would say that the Update had no effect.
func TestLostThenGone(t *testing.T) {
	srv, ctx := memcached(t), t.Context()
	sure := open(t, srv.Addr)
	for what, meanwhile := range map[string]func(rec driver.Record){
		"deleted": func(rec driver.Record) { must(t, sure.Delete(ctx, rec.ID)) },
		"changed": func(rec driver.Record) {
			now, err := sure.Load(ctx, rec.ID)
			must(t, err)
			must(t, sure.Update(ctx, &now))
		},
		"ended": func(rec driver.Record) {
			now, err := sure.Load(ctx, rec.ID)
			must(t, err)
			now.Exact, now.Expires = true, now.Created
			must(t, sure.Update(ctx, &now))
		},
	} {
		d := new(lossyDialer)
		s := openWith(t, []string{srv.Addr}, Config{DialContext: d.dial})
		rec := record(1, 10)
		must(t, s.Create(ctx, rec))
		done := false
		d.mu.Lock()
		d.meanwhile = func() {
			if now, err := sure.Load(ctx, rec.ID); err != nil || now.Version == rec.Version {
				t.Errorf("%s: before: %v, %v", what, now.Version, err)
			}
			done = true
			meanwhile(*rec)
		}
		d.mu.Unlock()
		wants(t, s.Update(ctx, rec), driver.ErrUnavailable)
		if !done {
			t.Errorf("%s: the reply was not lost", what)
		}
		must(t, sure.Delete(ctx, rec.ID))
	}
}
