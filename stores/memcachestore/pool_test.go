package memcachestore

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// panics reports whether call panics.
func panics(call func()) (did bool) {
	defer func() { did = recover() != nil }()
	call()
	return false
}

// panicConn is a connection whose Write panics while broken is set.
type panicConn struct {
	net.Conn
	broken *atomic.Bool
	closed *atomic.Int32
}

func (c *panicConn) Write(b []byte) (int, error) {
	if c.broken.Load() {
		panic("in Write")
	}
	return c.Conn.Write(b)
}

func (c *panicConn) Close() error {
	c.closed.Add(1)
	return c.Conn.Close()
}

// Given a store with one connection, when Config.DialContext or a connection of its panics, then the caller gets the
// panic, the connection is closed, and the next call gets a connection.
func TestPanicGivesThePermitBack(t *testing.T) {
	var broken, noDial atomic.Bool
	var closed atomic.Int32
	s, err := New([]string{memcached(t).Addr}, Config{
		Prefix: "panic:", MaxConns: 1, Timeout: patience,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if noDial.Load() {
				panic("in DialContext")
			}
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			return &panicConn{c, &broken, &closed}, err
		},
	})
	must(t, err)
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	noDial.Store(true)
	for range 3 {
		if !panics(func() { _, _ = s.Load(ctx, driver.ID{1}) }) {
			t.Fatal("the panic of DialContext was swallowed")
		}
	}
	noDial.Store(false)
	works := func() {
		t.Helper()
		_, err := s.Load(ctx, driver.ID{1})
		wants(t, err, driver.ErrNotFound)
	}
	works()
	broken.Store(true)
	if !panics(func() { _, _ = s.Load(ctx, driver.ID{1}) }) {
		t.Fatal("the panic of Write was swallowed")
	}
	if n := closed.Load(); n != 1 {
		t.Errorf("%d connections were closed, want the one that panicked", n)
	}
	broken.Store(false)
	works()
}
