package memcachestore

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// TestRoundTrips counts the round trips of each call, with a proxy between the store and the server.
func TestRoundTrips(t *testing.T) {
	proxy := startserver.NewProxy(t, memcached(t).Addr)
	s, other := open(t, proxy.Addr), open(t, proxy.Addr)
	ctx := t.Context()
	count := func(what string, want int, call func() error) {
		t.Helper()
		before := proxy.Stats().RoundTrips
		must(t, call())
		if n := proxy.Stats().RoundTrips - before; n != want {
			t.Errorf("%s: %d round trips, want %d", what, n, want)
		}
	}
	rec := record(1, 261)
	load := func() error { _, err := s.Load(ctx, rec.ID); return err }
	later := rec.Expires
	touch := func() error {
		later = later.Add(time.Minute)
		return s.Touch(ctx, rec.ID, rec.Version, rec.Used, later)
	}
	count("Create", 1, func() error { return s.Create(ctx, rec) })
	count("Load", 1, load)
	count("Update after Load", 1, func() error { return s.Update(ctx, rec) })
	count("Update again", 2, func() error { return s.Update(ctx, rec) })
	count("Load", 1, load)
	count("Touch after Load", 1, touch)
	count("Touch again", 2, touch)
	count("Update on another server", 2, func() error { return other.Update(ctx, rec) })
	count("Delete", 1, func() error { return s.Delete(ctx, rec.ID) })
	count("Delete again", 1, func() error { return s.Delete(ctx, rec.ID) })

	rec = record(2, 261)
	rec.Subject = "counted" + time.Now().String()
	count("Create with a subject", 3, func() error { return s.Create(ctx, rec) })
	count("Load", 1, load)
	later = rec.Expires
	count("Touch with a subject", 2, touch)
	count("Load", 1, load)
	count("Update with a subject", 1, func() error { return s.Update(ctx, rec) })
	count("BySubject", 2, func() (err error) {
		for _, err = range s.BySubject(ctx, rec.Subject) {
		}
		return err
	})

	rec = record(3, 261)
	rec.Subject, rec.Labels = "counted"+time.Now().String(), []string{"labels"}
	count("Create with a label", 5, func() error { return s.Create(ctx, rec) })
	count("Load", 1, load)
	later = rec.Expires
	count("Touch with a label", 3, touch)
	count("Load", 1, load)
	count("Touch that has nothing to do", 3, func() error { return s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires) })
	count("Load", 1, load)
	rec.Data = make([]byte, 100<<10) // more than the store remembers
	count("Update with a label", 1, func() error { return s.Update(ctx, rec) })
	count("Load of much data", 1, load)
	count("Update of much data", 1, func() error { return s.Update(ctx, rec) })
	count("Load of much data", 1, load)
	count("Touch of much data", 4, touch)
	count("Load", 1, load)
	must(t, other.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Hour)))
	count("Update after somebody else's Touch", 3, func() error { return s.Update(ctx, rec) })
	count("Load", 1, load)
	rec.Subject = ""
	count("Update that clears the subject", 1, func() error { return s.Update(ctx, rec) })
	if n := proxy.Stats().Connections; n > 2 {
		t.Errorf("%d connections for two stores with one caller each", n)
	}
}
