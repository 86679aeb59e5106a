package memcachestore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

func ringOf(t *testing.T, names ...string) *ring {
	t.Helper()
	s, err := New(names, Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &s.ring
}

func names(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("10.0.0.%d:11211", i+1))
	}
	return all
}

func TestRing(t *testing.T) {
	const sessions = 20000
	ids := make([]driver.ID, sessions)
	for i := range ids {
		rand.Read(ids[i][:16]) // the rest is the same for all sessions of an application
	}
	moved := func(a, b *ring, newcomer string) (n, astray int) {
		for i := range ids {
			from, to := a.pick(&ids[i]).addr, b.pick(&ids[i]).addr
			if from != to {
				n++
			}
			if from != to && newcomer != "" && to != newcomer {
				astray++
			}
		}
		return n, astray
	}
	for _, n := range []int{2, 3, 5, 10} {
		all := ringOf(t, names(n)...)
		counts := map[string]int{}
		for i := range ids {
			counts[all.pick(&ids[i]).addr]++
		}
		for addr, count := range counts {
			if mean := sessions / n; count < mean*3/4 || count > mean*5/4 {
				t.Errorf("%d servers: %s has %d sessions, the mean is %d", n, addr, count, mean)
			}
		}

		// A new server takes its share from all others, and no other session moves.
		const newcomer = "10.0.0.99:11211"
		more, astray := moved(all, ringOf(t, append(names(n), newcomer)...), newcomer)
		if share := sessions / (n + 1); more < share*3/4 || more > share*5/4 || astray > 0 {
			t.Errorf("%d servers and one more: %d of %d sessions moved", n, more, sessions)
		}
		// If a server is removed, only its own sessions move.
		less, _ := moved(all, ringOf(t, names(n)[1:]...), "")
		if less != counts["10.0.0.1:11211"] {
			t.Errorf("%d servers and one less: %d sessions moved, it had %d", n, less, counts["10.0.0.1:11211"])
		}
		// Another order of the list and a new generation move no session.
		turned := append(names(n)[1:], "10.0.0.1:11211#2")
		if same, _ := moved(all, ringOf(t, turned...), ""); same != 0 {
			t.Errorf("%d servers in another order: %d sessions moved", n, same)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	s, _ := New(names(10), Config{})
	var id driver.ID
	for b.Loop() {
		id[0]++
		s.ring.pick(&id)
	}
}

// A server was out of the list while a session was ended. It does not bring the session back if it returns as a new
// generation.
func TestServerReturnsWithAnOldCopy(t *testing.T) {
	a, b := startserver.Memcached(t), startserver.Memcached(t)
	ctx := t.Context()
	both, alone := open(t, a.Addr, b.Addr), open(t, b.Addr)
	back, again := open(t, a.Addr, b.Addr), open(t, a.Addr+"#2", b.Addr)
	returned, stayed := 0, 0
	for i := range 100 {
		rec := record(i, 10)
		must(t, both.Create(ctx, rec))
		if i%2 == 0 {
			must(t, alone.Delete(ctx, rec.ID)) // a logout, while a is out of the list
		}
		_, err := back.Load(ctx, rec.ID)
		if err == nil && i%2 == 0 {
			returned++ // what the documentation warns of
		}
		_, err = again.Load(ctx, rec.ID)
		if err == nil && i%2 == 0 {
			t.Error("a session that was ended is back")
		}
		if err == nil {
			stayed++
		}
	}
	if returned == 0 || stayed == 0 {
		t.Errorf("the test shows nothing: %d returned, %d stayed", returned, stayed)
	}
}

// If one of several servers is down, its own sessions are unavailable, not absent. All others are found.
func TestOneOfManyDown(t *testing.T) {
	a, b := startserver.Memcached(t), startserver.Memcached(t)
	s := open(t, a.Addr, b.Addr)
	ctx := t.Context()
	var recs []*driver.Record
	for i := range 50 {
		recs = append(recs, record(i, 10))
		must(t, s.Create(ctx, recs[i]))
	}
	a.Kill()
	found := 0
	for _, rec := range recs {
		_, err := s.Load(ctx, rec.ID)
		if err == nil {
			found++
		} else if !errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if found < 5 || found > 45 {
		t.Errorf("%d of 50 sessions are on the other server", found)
	}
	wants(t, s.Ping(ctx), driver.ErrUnavailable)
}
