package redisstore

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/testserver"
)

// A call costs one round trip, as a proxy counts them.
func TestRoundTrips(t *testing.T) {
	proxy := testserver.NewProxy(t, single(t).Addr)
	s := openStore(t, nil, Config{}, proxy.Addr)
	rec := create(t, s, "alice", "data") // the server gets to know the scripts
	ok(t, s.Update(t.Context(), rec))
	ok(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Expires.Add(time.Second)))

	next := newRecord("alice", "next")
	anonymous := newRecord("", "data")
	for _, c := range []struct {
		name string
		call func() error
	}{
		{"Load", func() error { _, err := s.Load(t.Context(), rec.ID); return err }},
		{"Load of an absent record", func() error { _, _ = s.Load(t.Context(), next.ID); return nil }},
		{"Create with a subject", func() error { return s.Create(t.Context(), newRecord("bob", "data")) }},
		{"Create without", func() error { return s.Create(t.Context(), anonymous) }},
		{"Update with a subject", func() error { return s.Update(t.Context(), rec) }},
		{"Update without", func() error { return s.Update(t.Context(), anonymous) }},
		{"Touch", func() error { return s.Touch(t.Context(), rec.ID, rec.Version, rec.Expires.Add(time.Minute)) }},
		{"Delete", func() error { return s.Delete(t.Context(), anonymous.ID) }},
		{"Ping", func() error { return s.Ping(t.Context()) }},
	} {
		proxy.ResetStats()
		ok(t, c.call())
		if got := proxy.Stats(); got.RoundTrips != 1 || got.Connections != 0 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}

	rotate := func() { t.Helper(); ok(t, s.Rotate(t.Context(), rec, next)) }
	rotate()
	rec, next = next, newRecord("alice", "next")
	proxy.ResetStats()
	rotate()
	if got := proxy.Stats(); got.RoundTrips != 1 {
		t.Errorf("Rotate: %+v", got)
	}
}

// Touch sends and gets no payload.
func TestTouchIsSmall(t *testing.T) {
	proxy := testserver.NewProxy(t, single(t).Addr)
	s := openStore(t, nil, Config{}, proxy.Addr)
	rec := create(t, s, "alice", string(make([]byte, 100_000)))
	ok(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Expires.Add(time.Second)))
	proxy.ResetStats()
	ok(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Expires.Add(time.Minute)))
	if got := proxy.Stats(); got.Sent+got.Received > 500 {
		t.Errorf("%+v", got)
	}
}

// A server that forgot its scripts costs one more round trip, once.
func TestScriptsAreForgotten(t *testing.T) {
	server := testserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	rec := create(t, s, "alice", "data")
	for range 2 {
		command(t, server, "SCRIPT", "FLUSH")
		ok(t, s.Update(t.Context(), rec))
		command(t, server, "SCRIPT", "FLUSH")
		ok(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Expires.Add(time.Second)))
		command(t, server, "SCRIPT", "FLUSH")
		next := newRecord("alice", "next")
		ok(t, s.Rotate(t.Context(), rec, next))
		command(t, server, "SCRIPT", "FLUSH")
		create(t, s, "alice", "other")
		rec = next
	}
	n := 0
	for _, err := range s.BySubject(t.Context(), "alice") {
		ok(t, err)
		n++
	}
	if n != 5 {
		t.Errorf("%d records of the subject, want 5", n)
	}
}

// The index forgets what is gone, lives as long as it must, and not for ever.
func TestIndexHeals(t *testing.T) {
	server := testserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	key := s.indexKey("alice")
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
	// A new session of the subject looks at the old ones, too.
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
	ttl := func() string { return command(t, server, "PTTL", key) }
	if len(ttl()) < 8 { // three hours in ms
		t.Errorf("the index ends in %s ms", ttl())
	}
	// A Touch far ahead takes the index along.
	far := stays.Expires.Add(400 * 24 * time.Hour)
	ok(t, s.Touch(t.Context(), stays.ID, stays.Version, far))
	if got := ttl(); got < "34560000000" || len(got) != 11 {
		t.Errorf("the index ends in %s ms, its record in 400 days", got)
	}
}

func BenchmarkBreakerOpen(b *testing.B) {
	proxy := testserver.NewProxy(b, single(b).Addr)
	s := openStore(b, nil, Config{}, proxy.Addr)
	rec := create(b, s, "", "x")
	proxy.Down()
	for b.Loop() {
		_, _ = s.Load(b.Context(), rec.ID)
	}
}
