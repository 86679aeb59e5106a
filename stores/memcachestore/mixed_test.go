package memcachestore_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/memcachestore"
)

// mixer is a proxy before a memcached. While mixed is set, it answers each gets with the item of another key.
type mixer struct {
	server string
	mixed  atomic.Pointer[string] // what the server is asked for instead, by a prefix of keys: "from to"
}

func (m *mixer) listen(t *testing.T) (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go m.serve(c)
		}
	}()
	return ln.Addr().String()
}

func (m *mixer) serve(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("tcp", m.server)
	if err != nil {
		return
	}
	defer s.Close()
	go func() {
		defer c.Close()
		b := make([]byte, 1<<16)
		for {
			n, err := s.Read(b)
			if _, failed := c.Write(b[:n]); err != nil || failed != nil {
				return
			}
		}
	}()
	for r := bufio.NewReader(c); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if mixed := m.mixed.Load(); mixed != nil && strings.HasPrefix(line, "gets ") {
			from, to, _ := strings.Cut(*mixed, " ")
			line = strings.Replace(line, from, to, 1)
		}
		if _, err := fmt.Fprint(s, line); err != nil {
			return
		}
	}
}

// listOf is the key of a user's list.
func listOf(subject string) string {
	return fmt.Sprintf("test:s:%x", sha256.Sum256([]byte(subject)))
}

// Given a proxy that answers with the item of another key, then that is an outage: it says nothing about the key that
// was asked for, and nothing is written because of it.
func TestAnswerForAnotherKey(t *testing.T) {
	srv, ctx := startserver.Memcached(t), t.Context() // its own: the other tests' sessions are alice's, too
	m := &mixer{server: srv.Addr}
	s, sure := open(t, m.listen(t)), open(t, srv.Addr)
	subjects := func(s *memcachestore.Store, subject string) (ids []driver.ID, last error) {
		for rec, err := range s.BySubject(ctx, subject) {
			if last = err; err == nil {
				ids = append(ids, rec.ID)
			}
		}
		return ids, last
	}
	alice, bob := record(1, 10), record(2, 10)
	alice.Subject = "alice"
	must(t, sure.Create(ctx, alice))
	bob.Subject = "bob"
	must(t, sure.Create(ctx, bob))

	t.Run("a list", func(t *testing.T) {
		mixed := listOf("bob") + " " + listOf("alice") // who asks for bob's gets alice's
		m.mixed.Store(&mixed)
		_, err := subjects(s, "bob")
		wants(t, err, driver.ErrUnavailable)
		m.mixed.Store(nil)
		if ids, err := subjects(sure, "alice"); len(ids) != 1 || err != nil {
			t.Errorf("alice has %v, %v", ids, err)
		}
	})
	t.Run("a record of a list", func(t *testing.T) {
		mixed := "test:" + bob.ID.String() + " test:" + alice.ID.String()
		m.mixed.Store(&mixed)
		_, err := subjects(s, "bob")
		wants(t, err, driver.ErrUnavailable)
		m.mixed.Store(nil)
		if ids, err := subjects(sure, "bob"); len(ids) != 1 || err != nil {
			t.Errorf("bob has %v, %v", ids, err)
		}
	})
}
