package redisstore

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// The key of the old record expires at the record's exact deadline, and next is in all of its lists, even if the server
// does not know the scripts.
func TestSucceedKeysAndLists(t *testing.T) {
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	rec := labelled(t, s, "admin")
	for range 3 {
		command(t, server, "SCRIPT", "FLUSH")
		next := newRecord("alice", "next")
		next.Labels, next.Expires = []string{"admin", "sid"}, next.Created.Add(400*day+time.Hour)
		ok(t, s.Succeed(t.Context(), ended(rec), next))
		if left := lifeOf(t, server, s.key(rec.ID)); left > time.Hour/2 {
			t.Errorf("the old record's key ends in %v, want at most half an hour", left)
		}
		for _, key := range []string{s.key(next.ID), setKey(s.subjects, "alice"), setKey(s.labels, "admin"), setKey(s.labels, "sid")} {
			if got := ends(t, server, key); got < 400 {
				t.Errorf("%s ends in %d days, want 400", key, got)
			}
		}
		for _, n := range []int{
			listed(t, s.BySubject(t.Context(), "alice")), listed(t, s.ByLabel(t.Context(), "admin")), listed(t, s.ByLabel(t.Context(), "sid")),
		} {
			if n != 1 {
				t.Errorf("%d records in a list, want next alone", n)
			}
		}
		rec = next
	}
}
