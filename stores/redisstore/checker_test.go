package redisstore

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// problems are what Check finds, by ID and text.
func problems(tb testing.TB, s *Store, fix bool) map[driver.ID]string {
	tb.Helper()
	all := map[driver.ID]string{}
	for p, err := range s.Check(tb.Context(), fix) {
		ok(tb, err)
		if p.Fixed != fix {
			tb.Errorf("%+v with fix %t", p, fix)
		}
		all[p.ID] += p.What + ";"
	}
	return all
}

func ids(tb testing.TB, s *Store, subject string) map[driver.ID]bool {
	tb.Helper()
	all := map[driver.ID]bool{}
	for rec, err := range s.BySubject(tb.Context(), subject) {
		ok(tb, err)
		all[rec.ID] = true
	}
	return all
}

// Given sets that somebody has damaged, when Check fixes them, then BySubject and ByLabel find the sessions again, up
// to their deadlines. Without fix nothing changes. A member without a record is no problem.
func TestCheckFixes(t *testing.T) {
	for name, addrs := range servers(t) {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, nil, Config{Prefix: t.Name() + ":"}, addrs...)
			lost := newRecord("alice", "x")
			lost.Labels = []string{"admin"}
			ok(t, s.Create(t.Context(), lost))
			create(t, s, "", "anonymous")
			sound, short := create(t, s, "alice", "x"), create(t, s, "bob", "x")
			gone := create(t, s, "alice", "x")
			ok(t, s.Delete(t.Context(), gone.ID))
			do := func(words ...string) {
				t.Helper()
				key := words[1]
				ok(t, s.client.Do(t.Context(), s.client.B().Arbitrary(words[0]).Keys(key).Args(words[2:]...).Build()).Error())
			}
			do("ZREM", setKey(s.subjects, "alice"), string(lost.ID[:]))
			do("DEL", setKey(s.labels, "admin"))
			do("PEXPIRE", setKey(s.subjects, "bob"), "60000")

			if got := problems(t, s, false); len(got) > 0 {
				t.Errorf("the Create of a new record may be under way: %q", got)
			}
			s.now = func() time.Time { return time.Now().Add(2 * time.Minute) }
			for _, fix := range []bool{false, true} {
				got := problems(t, s, fix)
				if len(got) != 2 || got[lost.ID] != "the index by subject lacks it;the index by label lacks it;" ||
					got[short.ID] != "the index by subject forgets it before its deadline;" {
					t.Errorf("with fix %t: %q", fix, got)
				}
			}
			if got := problems(t, s, false); len(got) > 0 {
				t.Errorf("after the fix: %q", got)
			}
			if got := ids(t, s, "alice"); len(got) != 2 || !got[lost.ID] || !got[sound.ID] {
				t.Errorf("alice has %v", got)
			}
			n := 0
			for rec, err := range s.ByLabel(t.Context(), "admin") {
				ok(t, err)
				if n++; rec.ID != lost.ID {
					t.Errorf("the label has %v", rec.ID)
				}
			}
			if n != 1 {
				t.Errorf("the label has %d records", n)
			}
		})
	}
}

// Something else under the key of a set is a problem that stays, and hides no other.
func TestCheckOfADamagedSet(t *testing.T) {
	server := single(t)
	s := openStore(t, nil, Config{Prefix: t.Name() + ":"}, server.Addr)
	damaged, lost := create(t, s, "alice", "x"), create(t, s, "bob", "x")
	command(t, server, "SET", setKey(s.subjects, "alice"), "a string")
	command(t, server, "DEL", setKey(s.subjects, "bob"))
	s.now = func() time.Time { return time.Now().Add(2 * time.Minute) }
	fixed := map[driver.ID]bool{}
	for p, err := range s.Check(t.Context(), true) {
		ok(t, err)
		fixed[p.ID] = p.Fixed
	}
	if len(fixed) != 2 || fixed[damaged.ID] || !fixed[lost.ID] {
		t.Errorf("%v", fixed)
	}
	if got := ids(t, s, "bob"); len(got) != 1 {
		t.Errorf("bob has %v", got)
	}
}
