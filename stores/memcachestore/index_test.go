package memcachestore

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// An item that is no record does not hide the user's other sessions.
func TestCorruptItemInWalks(t *testing.T) {
	addr := memcached(t).Addr
	s := open(t, addr)
	ids := map[driver.ID]bool{}
	for n := range 10 {
		rec := record(n, 10)
		rec.Subject = "corrupt"
		must(t, s.Create(t.Context(), rec))
		ids[rec.ID] = true
	}
	for id := range ids {
		setFormat(t, []string{addr}, "test:"+id.String(), 0)
		delete(ids, id)
		break
	}
	for range 2 { // the first walk rewrites the list
		n := 0
		for rec, err := range s.BySubject(t.Context(), "corrupt") {
			must(t, err)
			if !ids[rec.ID] {
				t.Errorf("%v is listed", rec.ID)
			}
			n++
		}
		if n != len(ids) {
			t.Errorf("%d sessions of %d are listed", n, len(ids))
		}
	}
}

// The index is lost with its server. A write that moves Used puts its session back.
func TestIndexHeals(t *testing.T) {
	srv := startserver.Memcached(t)
	s := open(t, srv.Addr)
	raw := bare(t, srv.Addr)
	ctx := t.Context()
	for i, list := range []struct {
		name, key string
		walk      iter.Seq2[driver.Record, error]
	}{
		{"subject", "test:s:" + hash("healed"), s.BySubject(ctx, "healed")},
		{"label", "test:l:" + hash("label"), s.ByLabel(ctx, "label")},
	} {
		healed := func(n int) *driver.Record {
			rec := record(n, 10)
			rec.Subject, rec.Labels = "healed", []string{"other", "label"}
			must(t, s.Create(ctx, rec))
			return rec
		}
		rec := healed(1000 * i)
		listed := func(want int, whole bool, when string) {
			t.Helper()
			n, last := 0, error(nil)
			for _, err := range list.walk {
				if last = err; err == nil {
					n++
				}
			}
			if n != want || whole != (last == nil) {
				t.Fatalf("%s %s: %d listed, want %d, and %v", list.name, when, n, want, last)
			}
			if !whole {
				wants(t, last, driver.ErrIncomplete)
			}
		}
		listed(1, true, "after Create")
		must(t, s.Delete(ctx, rec.ID))
		for range 2 {
			listed(0, true, "after Delete")
		}
		must(t, s.Create(ctx, rec))
		listed(1, true, "after Create")
		must(t, raw.Delete(list.key))
		listed(0, false, "without a list")
		must(t, s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Minute)))
		listed(1, false, "after Touch: another one may still be missing")
		must(t, raw.Delete(list.key))
		must(t, s.Update(ctx, rec))
		listed(0, false, "after an Update in between")
		rec.Used = rec.Used.Add(time.Minute)
		must(t, s.Update(ctx, rec))
		listed(1, false, "after an Update in place of a Touch")
		// A list that a Create makes looks complete. The next use of a missing session shows that it is not.
		must(t, raw.Delete(list.key))
		other := healed(1000*i + 999)
		listed(1, true, "after the Create of another one")
		rec.Used = rec.Used.Add(time.Minute)
		must(t, s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Minute)))
		listed(2, false, "after that, and a Touch")
		must(t, s.Delete(ctx, other.ID))
		listed(1, false, "after its end")
		// Entries of sessions that are deleted or anonymous do not accumulate.
		for n := range 300 {
			gone := healed(1000*i + 1 + n)
			if n%2 == 0 {
				gone.Subject = ""
				must(t, s.Update(ctx, gone))
			} else {
				must(t, s.Delete(ctx, gone.ID))
			}
		}
		item, err := raw.Get(list.key)
		must(t, err)
		if n := len(item.Value) / 36; n > 100 {
			t.Errorf("%s: %d IDs in the list of one session", list.name, n)
		}
		listed(1, false, "among the dead")
		if item, err = raw.Get(list.key); err != nil || len(item.Value) != 16+36 {
			t.Errorf("%s: %d bytes in the list, %v", list.name, len(item.Value), err)
		}
		must(t, s.Delete(ctx, rec.ID))
	}
}

// Many Creates for one subject at once do not wait for one another.
func TestListedAllAtOnce(t *testing.T) {
	proxy := startserver.NewProxy(t, memcached(t).Addr)
	s := open(t, proxy.Addr)
	subject := t.Name() + time.Now().String()
	must(t, s.Ping(t.Context()))
	proxy.Latency(20 * time.Millisecond) // so that all read the list before any writes it
	const many = 60
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			rec := record(i, 10)
			rec.Subject = subject
			if err := s.Create(t.Context(), rec); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	for _, err := range s.BySubject(t.Context(), subject) {
		must(t, err)
		n++
	}
	if n != many {
		t.Errorf("%d of %d are listed", n, many)
	}
}

// Once a list is full, Create fails and leaves no record. A walk makes room again.
func TestFullList(t *testing.T) {
	srv := startserver.Memcached(t)
	s := open(t, srv.Addr)
	raw := bare(t, srv.Addr)
	list := encodedList((1<<20 - 200) / 36)
	must(t, raw.Set(&memcache.Item{Key: "test:s:" + hash("full"), Value: list}))
	create := func(n int) error {
		rec := record(n, 10)
		rec.Subject = "full"
		err := s.Create(t.Context(), rec)
		if _, there := s.Load(t.Context(), rec.ID); (err == nil) != (there == nil) {
			t.Errorf("Create: %v, and Load: %v", err, there)
		}
		return err
	}
	var err error
	for i := 0; i < 20 && err == nil; i++ {
		err = create(i)
	}
	wants(t, err, driver.ErrTooLarge)
	for _, err := range s.BySubject(t.Context(), "full") {
		must(t, err)
	}
	must(t, create(100))
}

// A damaged list is not an empty list: a caller who revokes all sessions of a user must get an error. The next Touch
// replaces the list.
func TestDamagedList(t *testing.T) {
	srv := startserver.Memcached(t)
	s, raw := open(t, srv.Addr), bare(t, srv.Addr)
	rec := record(1, 100)
	rec.Subject = "alice"
	must(t, s.Create(t.Context(), rec))
	must(t, raw.Set(&memcache.Item{Key: "test:s:" + hash("alice"), Value: []byte("\x01no list")}))
	n, last := 0, error(nil)
	walk := func() {
		n, last = 0, nil
		for _, err := range s.BySubject(t.Context(), "alice") {
			if last = err; err == nil {
				n++
			}
		}
	}
	for range 2 {
		walk()
		wants(t, last, driver.ErrCorrupt)
	}
	must(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used.Add(time.Minute), rec.Expires.Add(time.Minute)))
	walk()
	if wants(t, last, driver.ErrIncomplete); n != 1 { // nobody knows what else was on the list
		t.Errorf("after a Touch: %d sessions", n)
	}
}

func hash(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return hex.EncodeToString(sum[:])
}

// encodedList returns a list of n sessions that do not exist.
func encodedList(n int) []byte {
	v := listValue{ids: make([]driver.ID, n)}
	for i := range v.ids {
		v.ids[i] = driver.ID{0: byte(i), 1: byte(i >> 8), 31: 1}
	}
	return v.encode()
}
