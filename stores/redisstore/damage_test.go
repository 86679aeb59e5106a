package redisstore

import (
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Each bit of a stored value is turned in its turn. No call takes what is left for the record, or for none. Writes
// meet one bit of each byte, and each bit of what they go by: format, mark, versions and checksum.
func TestEveryBitIsWatched(t *testing.T) {
	server := single(t)
	command(t, server, "FLUSHALL") // All goes through every key
	s := openStore(t, nil, Config{}, server.Addr)
	rec := newRecord("alice", "data")
	rec.Labels = []string{"admin", "sid"}
	ok(t, s.Create(t.Context(), rec))
	rec.Data = []byte("data of an update")
	ok(t, s.Update(t.Context(), rec))
	ok(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used.Add(time.Second), rec.Expires.Add(time.Second)))
	want, err := s.Load(t.Context(), rec.ID)
	ok(t, err)
	whole := []byte(command(t, server, "GET", s.key(rec.ID)))
	wrong := 0
	for bit := range 8 * len(whole) {
		damaged := append([]byte(nil), whole...)
		damaged[bit/8] ^= 1 << (bit % 8)
		restore := func() { command(t, server, "SET", s.key(rec.ID), string(damaged), "PX", "3600000") }
		restore()
		wrong += watched(t, s, &want, bit, damaged[0] > format)
		if soak || bit%8 == bit/8%8 || decisive(bit/8) {
			wrong += unwritten(t, s, &want, bit, restore)
		}
	}
	if wrong > 0 {
		t.Errorf("%d times a damaged record was taken for a whole one, or for none", wrong)
	}
}

// decisive reports whether the byte is of what the scripts compare with what the caller has.
func decisive(at int) bool {
	return at < offExpires || offTwin <= at && at < offTwin+8 || offSum <= at && at < offCreated
}

// watched reads the record in every way, and counts what is wrong.
func watched(t *testing.T, s *Store, want *driver.Record, bit int, newer bool) (wrong int) {
	t.Helper()
	expect := driver.ErrCorrupt
	if newer {
		expect = driver.ErrUnreadable
	}
	reads := map[string]func() error{
		"Load":   func() error { _, err := s.Load(t.Context(), want.ID); return err },
		"Reload": func() error { _, err := s.Reload(t.Context(), want.ID); return err },
	}
	for name, walk := range map[string]iter.Seq2[driver.Record, error]{
		"All":       s.All(t.Context()),
		"BySubject": s.BySubject(t.Context(), want.Subject),
		"ByLabel":   s.ByLabel(t.Context(), want.Labels[1]),
	} {
		reads[name] = func() error {
			for got, err := range walk {
				if err != nil || got.ID == want.ID {
					return err
				}
			}
			return nil
		}
	}
	for name, read := range reads {
		if err := read(); !errors.Is(err, expect) {
			t.Errorf("bit %d of byte %d: %s: %v, want %v", bit%8, bit/8, name, err, expect)
			wrong = 1
		}
	}
	return wrong
}

// unwritten makes every change of the damaged record. One that is taken leaves a record that is as the
// change says, or one that is known to be damaged.
func unwritten(t *testing.T, s *Store, want *driver.Record, bit int, restore func()) (wrong int) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		wrong = 1
		t.Errorf("bit %d of byte %d: "+format, append([]any{bit % 8, bit / 8}, args...)...)
	}
	updated := *want
	updated.Data = []byte("after")
	err := s.Update(t.Context(), &updated)
	got, loadErr := s.Load(t.Context(), want.ID)
	switch {
	case errors.Is(err, driver.ErrNotFound) || errors.Is(loadErr, driver.ErrNotFound):
		fail("Update: %v, and then Load: %v", err, loadErr)
	case err == nil && (loadErr != nil || !same(&got, &updated)):
		fail("Update was taken, and then Load: %v", loadErr)
	case err != nil && !stays(loadErr):
		fail("Update: %v, and then Load: %v", err, loadErr)
	}
	restore()
	for _, version := range []uint64{want.Version, want.Version ^ 1<<(bit%64)} {
		err = s.Touch(t.Context(), want.ID, version, want.Used.Add(time.Minute), want.Expires.Add(100*day))
		if _, loadErr = s.Load(t.Context(), want.ID); !stays(loadErr) || errors.Is(err, driver.ErrNotFound) {
			fail("Touch: %v, and then Load: %v", err, loadErr)
		}
	}
	restore()
	stale := *want // of a version that the damage may have brought back
	for i := range 64 {
		if !decisive(bit/8) && i != bit%64 {
			continue // no bit of what tells versions apart was turned
		}
		stale.Version = want.Version ^ 1<<i
		if err := s.Update(t.Context(), &stale); err == nil {
			fail("an Update of another version was taken")
		}
	}
	fresh := *want
	if err := s.Create(t.Context(), &fresh); !errors.Is(err, driver.ErrExists) {
		fail("Create: %v", err)
	}
	next := newRecord("bob", "next") // alice's list stays short
	if err := s.Succeed(t.Context(), ended(want), next); err == nil {
		if got, loadErr = s.Load(t.Context(), want.ID); loadErr != nil || got.Subject != "" {
			fail("Succeed was taken, and then Load: %v", loadErr)
		}
		ok(t, s.Delete(t.Context(), next.ID))
	} else if errors.Is(err, driver.ErrNotFound) {
		fail("Succeed: %v", err)
	}
	return wrong
}

// same compares two records, but for their versions.
func same(a, b *driver.Record) bool {
	labels := len(a.Labels) == len(b.Labels)
	for i := range a.Labels {
		labels = labels && a.Labels[i] == b.Labels[i]
	}
	return labels && a.ID == b.ID && a.Subject == b.Subject && a.Created.Equal(b.Created) && a.Used.Equal(b.Used) &&
		a.Expires.Equal(b.Expires) && string(a.Data) == string(b.Data)
}
