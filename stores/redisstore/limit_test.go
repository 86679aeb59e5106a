package redisstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// session is Data of a session that has not ended.
const session = "\x01\x00data"

func limited(t *testing.T, s *Store, subject string, most int) (*driver.Record, []driver.ID) {
	t.Helper()
	rec := newRecord(subject, session)
	clear(rec.ID[16:])
	removed, err := s.CreateLimited(t.Context(), rec, driver.Limit{Most: most})
	ok(t, err)
	return rec, removed
}

// A user's first session takes one round trip, and each other one two: the first tells which sessions there are.
func TestLimitRoundTrips(t *testing.T) {
	proxy := startserver.NewProxy(t, single(t).Addr)
	s := openStore(t, nil, Config{Prefix: "trips:"}, proxy.Addr)
	limited(t, s, "bob", 3) // loads the script
	for i, want := range []int64{1, 2, 2, 2, 2} {
		proxy.ResetStats()
		_, removed := limited(t, s, "alice", 3)
		if got := proxy.Stats(); int64(got.RoundTrips) != want || (len(removed) == 1) != (i >= 3) {
			t.Errorf("session %d: %+v, removed %d", i+1, got, len(removed))
		}
	}
}

// The set of a user who signs in and out again and again does not grow.
func TestLimitKeepsTheSetSmall(t *testing.T) {
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	for range 20 {
		rec, _ := limited(t, s, "alice", 3)
		ok(t, s.Delete(t.Context(), rec.ID))
		command(t, server, "ZADD", setKey(s.subjects, "alice"), "1", string(rec.ID[:])) // two minutes pass
	}
	command(t, server, "ZADD", setKey(s.subjects, "alice"), "1", "no ID")
	for range 5 {
		limited(t, s, "alice", 3)
	}
	if n := command(t, server, "ZCARD", setKey(s.subjects, "alice")); n != "4" {
		t.Errorf("%s members, want three sessions and the foreign one", n)
	}
}

// The keys of the new session live as long as it does, and a damaged record neither counts nor goes.
func TestLimitKeys(t *testing.T) {
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	damaged, _ := limited(t, s, "alice", 1)
	command(t, server, "SETRANGE", s.key(damaged.ID), "60", "x")
	rec := newRecord("alice", session)
	clear(rec.ID[16:])
	rec.Labels, rec.Expires = []string{"admin"}, rec.Created.Add(400*day+time.Hour)
	removed, err := s.CreateLimited(t.Context(), rec, driver.Limit{Most: 1, Refuse: true})
	if err != nil || len(removed) != 0 {
		t.Fatalf("removed %v, %v", removed, err)
	}
	for _, key := range []string{s.key(rec.ID), setKey(s.subjects, "alice"), setKey(s.labels, "admin")} {
		if got := ends(t, server, key); got < 400 {
			t.Errorf("%s ends in %d days, want 400", key, got)
		}
	}
	if listed(t, s.ByLabel(t.Context(), "admin")) != 1 {
		t.Error("not listed by its label")
	}
	command(t, server, "SET", s.key(damaged.ID), "") // and one that is empty, or of another type
	limited(t, s, "alice", 2)
	command(t, server, "DEL", s.key(damaged.ID))
	command(t, server, "LPUSH", s.key(damaged.ID), "x")
	if _, removed := limited(t, s, "alice", 2); len(removed) != 1 {
		t.Errorf("removed %v", removed)
	}
}

// In a Cluster without a common hash tag the store is no driver.Limiter. core then trims, and refuses RefuseNew.
func TestLimitInACluster(t *testing.T) {
	var addrs []string
	for _, s := range cluster(t) {
		addrs = append(addrs, s.Addr)
	}
	for prefix, able := range map[string]bool{"": false, "{shop}:": true} {
		s := openStore(t, nil, Config{Prefix: prefix}, addrs...)
		if got := driver.AbilitiesOf(s).Limiter != nil; got != able {
			t.Errorf("prefix %q: Limiter is %t", prefix, got)
		}
		_, err := core.New(core.Config{Store: s, MaxPerSubject: 3, WhenFull: core.RefuseNew})
		if (err == nil) != able || err != nil && !strings.Contains(err.Error(), "redisstore") {
			t.Errorf("prefix %q: New: %v", prefix, err)
		}
		if _, err := s.CreateLimited(t.Context(), newRecord("alice", session), driver.Limit{Most: 1}); errors.Is(err, errors.ErrUnsupported) == able {
			t.Errorf("prefix %q: CreateLimited: %v", prefix, err)
		}
	}
}

// BenchmarkLimit is a sign-in of a user who has a number of sessions, beside a Create.
func BenchmarkLimit(b *testing.B) {
	s := openStore(b, nil, Config{}, single(b).Addr)
	for _, n := range []int{1, 5, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			limited := func() error {
				rec := newRecord("alice", session)
				clear(rec.ID[16:])
				_, err := s.CreateLimited(b.Context(), rec, driver.Limit{Most: n})
				return err
			}
			for range n {
				ok(b, limited())
			}
			beside(b, func() error { return s.Create(b.Context(), newRecord("bob", session)) }, limited)
		})
	}
}
