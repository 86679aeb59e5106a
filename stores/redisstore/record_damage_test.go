package redisstore

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// Each bit of a stored value is flipped, one after another. No call takes the result for a valid record, or for a
// missing one. Writes are tested with one bit of each byte, and with each bit of the fields that they compare: format,
// mark, versions and checksum.
func TestEveryBitIsWatched(t *testing.T) {
	server := single(t)
	command(t, server, "FLUSHALL") // All walks through every key
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
		wrong += wrongReads(t, s, &want, bit, damaged[0] > format)
		if soak || bit%8 == bit/8%8 || compared(bit/8) {
			wrong += wrongWrites(t, s, &want, bit, restore)
		}
	}
	if wrong > 0 {
		t.Errorf("%d times a damaged record was taken for a valid one, or for none", wrong)
	}
}

// compared reports whether the scripts compare this byte with what the caller has.
func compared(at int) bool {
	return at < offExpires || offCopy <= at && at < offCopy+8 || offSum <= at && at < offCreated
}

// wrongReads reads the damaged record in every way, and returns 1 if a result is wrong.
func wrongReads(t *testing.T, s *Store, want *driver.Record, bit int, newer bool) (wrong int) {
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

// wrongWrites makes every kind of write to the damaged record, and returns 1 if a result is wrong. If a write succeeds,
// the record must be as the write says, or be known as damaged.
func wrongWrites(t *testing.T, s *Store, want *driver.Record, bit int, restore func()) (wrong int) {
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
		fail("Update succeeded, and then Load: %v", loadErr)
	case err != nil && !unreadable(loadErr):
		fail("Update: %v, and then Load: %v", err, loadErr)
	}
	restore()
	for _, version := range []uint64{want.Version, want.Version ^ 1<<(bit%64)} {
		err = s.Touch(t.Context(), want.ID, version, want.Used.Add(time.Minute), want.Expires.Add(100*day))
		if _, loadErr = s.Load(t.Context(), want.ID); !unreadable(loadErr) || errors.Is(err, driver.ErrNotFound) {
			fail("Touch: %v, and then Load: %v", err, loadErr)
		}
	}
	restore()
	stale := *want // with a version that the damage may have produced
	for i := range 64 {
		if !compared(bit/8) && i != bit%64 {
			continue // the flipped bit is in no field that is compared
		}
		stale.Version = want.Version ^ 1<<i
		if err := s.Update(t.Context(), &stale); err == nil {
			fail("an Update of another version succeeded")
		}
	}
	fresh := *want
	if err := s.Create(t.Context(), &fresh); !errors.Is(err, driver.ErrExists) {
		fail("Create: %v", err)
	}
	next := newRecord("bob", "next") // alice's list stays short
	if err := s.Succeed(t.Context(), ended(want), next); err == nil {
		if got, loadErr = s.Load(t.Context(), want.ID); loadErr != nil || got.Subject != "" {
			fail("Succeed succeeded, and then Load: %v", loadErr)
		}
		ok(t, s.Delete(t.Context(), next.ID))
	} else if errors.Is(err, driver.ErrNotFound) {
		fail("Succeed: %v", err)
	}
	return wrong
}

// same reports whether two records are equal, apart from their versions.
func same(a, b *driver.Record) bool {
	labels := len(a.Labels) == len(b.Labels)
	for i := range a.Labels {
		labels = labels && a.Labels[i] == b.Labels[i]
	}
	return labels && a.ID == b.ID && a.Subject == b.Subject && a.Created.Equal(b.Created) && a.Used.Equal(b.Used) &&
		a.Expires.Equal(b.Expires) && string(a.Data) == string(b.Data)
}

// A value that is cut or one byte longer is a damaged record for every call, even if it is empty.
func TestEveryLengthIsWatched(t *testing.T) {
	server := startserver.Redis(t) // its own server, because a walk over the other tests' keys takes long
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
		if wrongReads(t, s, &want, 8*n, false)+wrongWrites(t, s, &want, 8*n, restore) > 0 {
			t.Errorf("a record of %d bytes, cut or extended to %d", len(whole), n)
		}
		restore()
		if err := s.Succeed(t.Context(), newRecord("", "old"), &want); errors.Is(err, driver.ErrUnavailable) {
			t.Error(err)
		}
	}
}

// Whatever another program has stored under a key, no call takes it for a record.
func TestForeignBytes(t *testing.T) {
	server := single(t)
	s := openStore(t, nil, Config{}, server.Addr)
	rec, other := create(t, s, "alice", "data"), create(t, s, "bob", "other")
	text := command(t, server, "GET", s.key(other.ID))
	for name, set := range map[string][]string{
		"another record":  {"SET", s.key(rec.ID), text},
		"nothing":         {"SET", s.key(rec.ID), ""},
		"half a record":   {"SET", s.key(rec.ID), text[:len(text)/2]},
		"a later format":  {"SET", s.key(rec.ID), "\x02" + text[1:]},
		"format 0":        {"SET", s.key(rec.ID), "\x00" + text[1:]},
		"one byte":        {"SET", s.key(rec.ID), "\x02"},
		"another program": {"SET", s.key(rec.ID), strings.Repeat("x", 100)},
		"a list":          {"LPUSH", s.key(rec.ID), "x"},
	} {
		command(t, server, "DEL", s.key(rec.ID))
		command(t, server, set...)
		err, want := loads(t.Context(), s, rec), driver.ErrCorrupt
		if name == "a later format" || name == "another program" || name == "one byte" {
			want = driver.ErrUnreadable // because of its first byte
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: Load: %v", name, err)
		}
		for call, err := range map[string]error{
			"Update": s.Update(t.Context(), rec), "Touch": s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Hour)),
		} {
			if !errors.Is(err, want) && name != "nothing" && name != "another record" && name != "a list" {
				t.Errorf("%s: %s: %v", name, call, err)
			}
		}
	}
	ok(t, s.Delete(t.Context(), rec.ID))
}
