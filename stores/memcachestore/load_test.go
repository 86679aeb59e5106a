package memcachestore

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// A full server evicts sessions. They are then not found, and all others are right.
func TestEviction(t *testing.T) {
	s := open(t, startserver.Memcached(t, "-m", "2").Addr)
	ctx := t.Context()
	var recs []*driver.Record
	for i := range 3000 {
		rec := record(i, 2000)
		rec.Data[0] = byte(i)
		if i%10 == 0 {
			rec.Subject = "alice"
		}
		must(t, s.Create(ctx, rec))
		recs = append(recs, rec)
	}
	gone := 0
	for i, rec := range recs {
		got, err := s.Load(ctx, rec.ID)
		switch {
		case errors.Is(err, driver.ErrNotFound):
			gone++
			rec.Data = []byte("back")
			wants(t, s.Update(ctx, rec), driver.ErrNotFound)
			wants(t, s.Touch(ctx, rec.ID, rec.Version, rec.Used, time.Now().Add(2*time.Hour)), driver.ErrNotFound)
		case err != nil || got.ID != rec.ID || got.Data[0] != byte(i):
			t.Fatalf("record %d: %v of %d, %v", i, got.ID, got.Data[0], err)
		}
	}
	if gone == 0 || gone == len(recs) {
		t.Errorf("%d of %d sessions were evicted", gone, len(recs))
	}
	for rec, err := range s.BySubject(ctx, "alice") {
		if errors.Is(err, driver.ErrIncomplete) {
			break // the list was evicted, too
		}
		must(t, err)
		if _, err := s.Load(ctx, rec.ID); err != nil || rec.Subject != "alice" {
			t.Errorf("listed: %q, %v", rec.Subject, err)
		}
	}
}

// keyProxy is a proxy before a memcached. While swap is set, it asks the server for another key than the client does.
type keyProxy struct {
	server string
	swap   atomic.Pointer[string] // "from to": in each gets, from is replaced by to
}

func (p *keyProxy) listen(t *testing.T) (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return ln.Addr().String()
}

func (p *keyProxy) serve(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("tcp", p.server)
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
		if swap := p.swap.Load(); swap != nil && strings.HasPrefix(line, "gets ") {
			from, to, _ := strings.Cut(*swap, " ")
			line = strings.Replace(line, from, to, 1)
		}
		if _, err := fmt.Fprint(s, line); err != nil {
			return
		}
	}
}

// listOf returns the key of a user's list.
func listOf(subject string) string {
	return fmt.Sprintf("test:s:%x", sha256.Sum256([]byte(subject)))
}

// Given a proxy that answers with the item of another key, calls are outages: the answer says nothing about the key
// that was asked for, and causes no write.
func TestAnswerForAnotherKey(t *testing.T) {
	srv, ctx := startserver.Memcached(t), t.Context() // its own server, because other tests have sessions of alice, too
	p := &keyProxy{server: srv.Addr}
	s, sure := open(t, p.listen(t)), open(t, srv.Addr)
	subjects := func(s *Store, subject string) (ids []driver.ID, last error) {
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
		swap := listOf("bob") + " " + listOf("alice") // a request for bob's list gets alice's
		p.swap.Store(&swap)
		_, err := subjects(s, "bob")
		wants(t, err, driver.ErrUnavailable)
		p.swap.Store(nil)
		if ids, err := subjects(sure, "alice"); len(ids) != 1 || err != nil {
			t.Errorf("alice has %v, %v", ids, err)
		}
	})
	t.Run("a record of a list", func(t *testing.T) {
		swap := "test:" + bob.ID.String() + " test:" + alice.ID.String()
		p.swap.Store(&swap)
		_, err := subjects(s, "bob")
		wants(t, err, driver.ErrUnavailable)
		p.swap.Store(nil)
		if ids, err := subjects(sure, "bob"); len(ids) != 1 || err != nil {
			t.Errorf("bob has %v, %v", ids, err)
		}
	})
}
