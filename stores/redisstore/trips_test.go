package redisstore

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// A call takes one round trip, counted by a proxy.
func TestRoundTrips(t *testing.T) {
	proxy := startserver.NewProxy(t, single(t).Addr)
	s := openStore(t, nil, Config{}, proxy.Addr)
	rec := create(t, s, "alice", "data") // loads the scripts into the server
	ok(t, s.Update(t.Context(), rec))
	ok(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Second)))

	far := create(t, s, "alice", "data")
	next := newRecord("alice", "next")
	anonymous := newRecord("", "data")
	for _, c := range []struct {
		name string
		call func() error
	}{
		{"Load", func() error { _, err := s.Load(t.Context(), rec.ID); return err }},
		{"Load of an absent record", func() error { _, _ = s.Load(t.Context(), next.ID); return nil }},
		{"Create with a subject", func() error { return s.Create(t.Context(), newRecord("bob", "data")) }},
		{"Create with labels", func() error {
			rec := newRecord("bob", "data")
			rec.Labels = []string{"a", "b", "c"}
			return s.Create(t.Context(), rec)
		}},
		{"Create without", func() error { return s.Create(t.Context(), anonymous) }},
		{"Update with a subject", func() error { return s.Update(t.Context(), rec) }},
		{"Update without", func() error { return s.Update(t.Context(), anonymous) }},
		{"Touch", func() error { return s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Minute)) }},
		{"Touch for its use alone", func() error { return s.Touch(t.Context(), far.ID, far.Version, far.Used.Add(time.Minute), far.Expires) }},
		{"Update that shortens", func() error {
			far.Exact, far.Expires = true, far.Used.Add(time.Minute)
			return s.Update(t.Context(), far)
		}},
		{"Reload", func() error { _, err := s.Reload(t.Context(), rec.ID); return err }},
		{"Delete", func() error { return s.Delete(t.Context(), anonymous.ID) }},
		{"Ping", func() error { return s.Ping(t.Context()) }},
	} {
		proxy.ResetStats()
		ok(t, c.call())
		if got := proxy.Stats(); got.RoundTrips != 1 || got.Connections != 0 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}

	succeed := func(next *driver.Record) {
		t.Helper()
		ok(t, s.Succeed(t.Context(), ended(rec), next))
		rec = next
	}
	succeed(newRecord("alice", "next"))
	labelled := newRecord("alice", "next")
	labelled.Labels = []string{"a", "b", "c"}
	for _, next := range []*driver.Record{newRecord("alice", "next"), labelled} {
		proxy.ResetStats()
		succeed(next)
		if got := proxy.Stats(); got.RoundTrips != 1 {
			t.Errorf("Succeed with labels %q: %+v", next.Labels, got)
		}
	}
}

// Touch neither sends nor receives the payload.
func TestTouchIsSmall(t *testing.T) {
	proxy := startserver.NewProxy(t, single(t).Addr)
	s := openStore(t, nil, Config{}, proxy.Addr)
	rec := create(t, s, "alice", string(make([]byte, 100_000)))
	ok(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Second)))
	proxy.ResetStats()
	ok(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Minute)))
	if got := proxy.Stats(); got.Sent+got.Received > 500 {
		t.Errorf("%+v", got)
	}
}
