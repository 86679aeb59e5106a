package redisstore

import (
	"errors"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// A value that lost its end, or got a longer one, is a damaged record for every call, also if nothing is left of it.
func TestEveryLengthIsWatched(t *testing.T) {
	server := startserver.Redis(t) // its own: a walk over what the other tests have left takes long
	s := openStore(t, nil, Config{}, server.Addr)
	rec := newRecord("alice", "data")
	rec.Labels = []string{"admin", "sid"}
	ok(t, s.Create(t.Context(), rec))
	want, err := s.Load(t.Context(), rec.ID)
	ok(t, err)
	whole := command(t, server, "GET", s.key(rec.ID))
	for n := range len(whole) + 2 {
		if n == len(whole) {
			continue
		}
		damaged := (whole + "x")[:n]
		restore := func() { command(t, server, "SET", s.key(rec.ID), damaged, "PX", "3600000") }
		restore()
		if watched(t, s, &want, 8*n, false)+unwritten(t, s, &want, 8*n, restore) > 0 {
			t.Errorf("of %d bytes, there are %d", len(whole), n)
		}
		restore()
		if err := s.Succeed(t.Context(), newRecord("", "old"), &want); errors.Is(err, driver.ErrUnavailable) {
			t.Error(err)
		}
	}
}
