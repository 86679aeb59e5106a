package redisstore

import (
	"errors"
	"iter"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// Given a record that has gone, when its sets are still there, then no key of Redis names its user or its labels.
func TestIndexNamesNobody(t *testing.T) {
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	rec := newRecord("alice@example.com", "x")
	rec.Labels = []string{"acme"}
	ok(t, s.Create(t.Context(), rec))
	ok(t, s.Delete(t.Context(), rec.ID))
	keys := command(t, server, "KEYS", "*")
	if !strings.Contains(keys, s.subjects) || !strings.Contains(keys, s.labels) || strings.Contains(keys, "alice") || strings.Contains(keys, "acme") {
		t.Errorf("keys: %q", keys)
	}
}

// Members whose record is gone are dropped, but not in their first minute.
func TestIndexHeals(t *testing.T) {
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	key := setKey(s.subjects, "alice")
	gone, stays := create(t, s, "alice", "gone"), create(t, s, "alice", "stays")
	ok(t, s.Delete(t.Context(), gone.ID))
	walk := func() (n int) {
		for _, err := range s.BySubject(t.Context(), "alice") {
			ok(t, err)
			n++
		}
		return n
	}
	if n := walk(); n != 1 {
		t.Fatalf("%d records", n)
	}
	if n := command(t, server, "ZCARD", key); n != "2" {
		t.Errorf("%s members: one was dropped within its first minute", n)
	}
	yesterday := "86400"
	age := func() {
		now := command(t, server, "TIME")[:10]
		for _, rec := range []string{string(gone.ID[:]), string(stays.ID[:])} {
			command(t, server, "ZADD", key, "XX", now, rec)
			command(t, server, "ZINCRBY", key, "-"+yesterday+"9", rec)
		}
	}
	age()
	if n := walk(); n != 1 || command(t, server, "ZCARD", key) != "1" {
		t.Errorf("%d records, %s members after BySubject", n, command(t, server, "ZCARD", key))
	}
	// The Create of a new session of the subject drops them, too.
	gone = create(t, s, "alice", "gone")
	ok(t, s.Delete(t.Context(), gone.ID))
	age()
	create(t, s, "alice", "new")
	if n := command(t, server, "ZCARD", key); n != "2" {
		t.Errorf("%s members after Create", n)
	}
	if n := walk(); n != 2 {
		t.Errorf("%d records", n)
	}
}

// A member whose record is missing may get one while a slow loop runs, and must stay.
func TestSlowLoopDropsNoMember(t *testing.T) {
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	key, coming := setKey(s.subjects, "alice"), newRecord("alice", "coming")
	create(t, s, "alice", "there")
	command(t, server, "ZADD", key, "1", string(coming.ID[:])) // its Create has begun, long before the loop ends
	for _, err := range s.BySubject(t.Context(), "alice") {
		ok(t, err)
		ok(t, s.Create(t.Context(), coming))
		command(t, server, "ZADD", key, "1", string(coming.ID[:])) // as if this loop body took minutes
	}
	if n := listed(t, s.BySubject(t.Context(), "alice")); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}

const day = 24 * time.Hour

// ends returns in how many whole days a key expires.
func ends(t *testing.T, server *startserver.Server, key string) int {
	t.Helper()
	return int(lifeOf(t, server, key) / day)
}

func lifeOf(t *testing.T, server *startserver.Server, key string) time.Duration {
	t.Helper()
	ms, err := strconv.Atoi(command(t, server, "PTTL", key))
	ok(t, err)
	return time.Duration(ms) * time.Millisecond
}

// labelled creates a record that lives for a day.
func labelled(t *testing.T, s *Store, labels ...string) *driver.Record {
	t.Helper()
	rec := newRecord("alice", "data")
	rec.Labels, rec.Expires = labels, rec.Created.Add(day)
	ok(t, s.Create(t.Context(), rec))
	return rec
}

// A write that moves the deadline far ahead prolongs each of the record's sets in the index, and creates no set for a
// name that the record does not have.
func TestIndexLivesAsLongAsItsRecords(t *testing.T) {
	server := startserver.Redis(t)
	proxy := startserver.NewProxy(t, server.Addr)
	s := openStore(t, nil, Config{}, proxy.Addr)
	moves := map[string]func(rec *driver.Record, until time.Time) error{
		"Touch": func(rec *driver.Record, until time.Time) error {
			return s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, until)
		},
		"Update": func(rec *driver.Record, until time.Time) error {
			rec.Expires = until
			return s.Update(t.Context(), rec)
		},
		"exact Update by another name": func(rec *driver.Record, until time.Time) error {
			change := *rec
			change.Subject, change.Labels, change.Expires, change.Exact = "mallory", []string{"root"}, until, true
			defer func() { rec.Version = change.Version }()
			return s.Update(t.Context(), &change)
		},
	}
	for name, move := range moves {
		command(t, server, "FLUSHALL")
		rec := labelled(t, s, "admin", "sid")
		ok(t, move(rec, rec.Created.Add(400*day+time.Hour)))
		for _, key := range []string{s.key(rec.ID), setKey(s.subjects, "alice"), setKey(s.labels, "admin"), setKey(s.labels, "sid")} {
			if got := ends(t, server, key); got < 400 {
				t.Errorf("%s: %s ends in %d days, its record in 400", name, key, got)
			}
		}
		if n := command(t, server, "EXISTS", setKey(s.subjects, "mallory"), setKey(s.labels, "root")); n != "0" {
			t.Errorf("%s: the index has %s sets of names that the record does not have", name, n)
		}
		proxy.ResetStats()
		ok(t, move(rec, rec.Created.Add(400*day+2*time.Hour)))
		if got := proxy.Stats(); got.RoundTrips != 1 && !strings.Contains(name, "another name") { // that one reads the record
			t.Errorf("%s within the term: %+v", name, got)
		}
	}
}

// A shorter deadline does not change a later one or the key's time to live, unless it is exact. The sets of the index
// keep their life.
func TestDeadlinesAndTheirKeys(t *testing.T) {
	server := startserver.Redis(t)
	proxy := startserver.NewProxy(t, server.Addr)
	s := openStore(t, nil, Config{}, proxy.Addr)
	rec := labelled(t, s, "admin")
	far := rec.Created.Add(400*day + time.Hour)
	ok(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, far))
	check := func(want time.Time, days int) {
		t.Helper()
		got, err := s.Load(t.Context(), rec.ID)
		if err != nil || !got.Expires.Equal(want) || ends(t, server, s.key(rec.ID)) != days {
			t.Errorf("expires %v, want %v, the key in %d days, %v", got.Expires, want, ends(t, server, s.key(rec.ID)), err)
		}
	}
	ok(t, s.Update(t.Context(), rec))
	check(far, 400)
	rec.Exact, rec.Expires = true, rec.Created.Add(2*day+time.Hour)
	ok(t, s.Update(t.Context(), rec))
	check(rec.Expires, 2)
	proxy.ResetStats()
	ok(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, far))
	check(far, 400)
	if got := proxy.Stats(); got.RoundTrips != 2 { // Touch and Load
		t.Errorf("a Touch up to where the index already is: %+v", got)
	}
	if got := ends(t, server, setKey(s.labels, "admin")); got < 400 {
		t.Errorf("the index ends in %d days", got)
	}
	// A record without a subject has no index to update.
	rec.Subject, rec.Expires = "", rec.Created.Add(800*day+time.Hour)
	proxy.ResetStats()
	ok(t, s.Update(t.Context(), rec))
	if got := proxy.Stats(); got.RoundTrips != 1 {
		t.Errorf("an Update that clears: %+v", got)
	}
	check(rec.Expires, 800)
}

// A record that replaces an expired one is listed, even if the server did not know the script.
func TestCreateOverAnExpired(t *testing.T) {
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	rec := labelled(t, s, "admin")
	s.now = func() time.Time { return rec.Expires }
	next := newRecord("bob", "data")
	next.ID, next.Expires, next.Labels = rec.ID, rec.Expires.Add(day), []string{"sid"}
	command(t, server, "SCRIPT", "FLUSH")
	ok(t, s.Create(t.Context(), next))
	for name, walk := range map[string]int{
		"bob": listed(t, s.BySubject(t.Context(), "bob")), "sid": listed(t, s.ByLabel(t.Context(), "sid")),
	} {
		if walk != 1 {
			t.Errorf("%s: %d records", name, walk)
		}
	}
	if n := listed(t, s.ByLabel(t.Context(), "admin")); n != 0 {
		t.Errorf("admin: %d records", n)
	}
}

func listed(t *testing.T, walk iter.Seq2[driver.Record, error]) (n int) {
	t.Helper()
	for _, err := range walk {
		ok(t, err)
		n++
	}
	return n
}

// A member that is no ID hides no session of the user. The walk ends in an error.
func TestForeignMemberHidesNothing(t *testing.T) {
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	create(t, s, "alice", "one")
	create(t, s, "alice", "two")
	command(t, server, "ZADD", setKey(s.subjects, "alice"), "1", "junk")
	n, last := 0, error(nil)
	for _, err := range s.BySubject(t.Context(), "alice") {
		if last = err; err == nil {
			n++
		}
	}
	if n != 2 || !errors.Is(last, driver.ErrCorrupt) {
		t.Errorf("%d of 2 sessions, and %v", n, last)
	}
}
