package memcachestore_test

import (
	"errors"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/memcachestore"
)

// A full server throws sessions out: they are not found then, and none is wrong.
func TestEviction(t *testing.T) {
	s := open(t, startserver.Memcached(t, "-m", "2").Addr)
	ctx := t.Context()
	var recs []*driver.Record
	for i := range 3000 {
		rec := record(i, 2000)
		rec.Data[0] = byte(i)
		if i%10 == 0 {
			rec.Subject = "alice"
		}
		must(t, s.Create(ctx, rec))
		recs = append(recs, rec)
	}
	gone := 0
	for i, rec := range recs {
		got, err := s.Load(ctx, rec.ID)
		switch {
		case errors.Is(err, driver.ErrNotFound):
			gone++
			rec.Data = []byte("back")
			wants(t, s.Update(ctx, rec), driver.ErrNotFound)
			wants(t, s.Touch(ctx, rec.ID, rec.Version, rec.Used, time.Now().Add(2*time.Hour)), driver.ErrNotFound)
		case err != nil || got.ID != rec.ID || got.Data[0] != byte(i):
			t.Fatalf("record %d: %v of %d, %v", i, got.ID, got.Data[0], err)
		}
	}
	if gone == 0 || gone == len(recs) {
		t.Errorf("%d of %d sessions were thrown out", gone, len(recs))
	}
	for rec, err := range s.BySubject(ctx, "alice") {
		if errors.Is(err, driver.ErrIncomplete) {
			break // the list, too
		}
		must(t, err)
		if _, err := s.Load(ctx, rec.ID); err != nil || rec.Subject != "alice" {
			t.Errorf("listed: %q, %v", rec.Subject, err)
		}
	}
}

// What is too large is refused before the server hears of it: the old record stays. A
// server that takes less than we believe refuses it itself, and the old record stays, too.
func TestTooLarge(t *testing.T) {
	small := startserver.Memcached(t, "-I", "512k", "-o", "slab_chunk_max=256")
	for name, c := range map[string]struct {
		addr string
		size int
	}{"ours": {memcached(t).Addr, 1 << 20}, "the server's": {small.Addr, 600 << 10}} {
		s := open(t, c.addr)
		rec := record(1, 10)
		must(t, s.Create(t.Context(), rec))
		large := *rec
		large.Data = make([]byte, c.size)
		for range 10 { // and no breaker opens
			wants(t, s.Update(t.Context(), &large), driver.ErrTooLarge)
			wants(t, s.Create(t.Context(), record(2, c.size)), driver.ErrTooLarge)
		}
		got, err := s.Load(t.Context(), rec.ID)
		if err != nil || len(got.Data) != 10 {
			t.Errorf("%s limit: the old record: %d bytes, %v", name, len(got.Data), err)
		}
	}
}

// The server keeps long lives: it would take a relative time of more than 30 days for
// one of 1970, and forget the session at once.
func TestLongLives(t *testing.T) {
	srv := memcached(t)
	s := open(t, srv.Addr)
	for _, life := range []time.Duration{30*24*time.Hour - time.Second, 30 * 24 * time.Hour, 30*24*time.Hour + time.Second, 90 * 24 * time.Hour, 400 * 24 * time.Hour} {
		rec := record(int(life/time.Hour), 10)
		rec.Expires = rec.Created.Add(life)
		must(t, s.Create(t.Context(), rec))
		time.Sleep(5 * time.Millisecond)
		if _, err := s.Load(t.Context(), rec.ID); err != nil {
			t.Errorf("a life of %v: %v", life, err)
		}
		rec.Expires = rec.Expires.Add(time.Hour)
		must(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires))
		must(t, s.Update(t.Context(), rec))
		if got, err := s.Load(t.Context(), rec.ID); err != nil || !got.Expires.Equal(rec.Expires) {
			t.Errorf("a life of %v, longer by an hour: until %v, %v", life, got.Expires, err)
		}
	}
}

// The index forgets with its server, and whatever writes down the use of a session puts it back into it.
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
		// A Create makes a list that is whole, as far as it can know. Who is missing shows when it is used.
		must(t, raw.Delete(list.key))
		other := healed(1000*i + 999)
		listed(1, true, "after the Create of another one")
		rec.Used = rec.Used.Add(time.Minute)
		must(t, s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Minute)))
		listed(2, false, "after that, and a Touch")
		must(t, s.Delete(ctx, other.ID))
		listed(1, false, "after its end")
		// Entries that are dead, or cleared, do not pile up.
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

// Many who create at once for one subject do not wait for one another.
func TestListedAllAtOnce(t *testing.T) {
	proxy := startserver.NewProxy(t, memcached(t).Addr)
	s := open(t, proxy.Addr)
	subject := t.Name() + time.Now().String()
	must(t, s.Ping(t.Context()))
	proxy.Latency(20 * time.Millisecond) // so that all read the list before one writes it
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

// A list that is full takes no more, and what it does not take is not created, until somebody
// has looked through it.
func TestFullList(t *testing.T) {
	srv := startserver.Memcached(t)
	s := open(t, srv.Addr)
	raw := bare(t, srv.Addr)
	list := memcachestore.EncodeList((1<<20 - 200) / 36)
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

// A server that was out of the list while a session was ended does not bring it back, if
// it is put back as a new generation.
func TestServerReturnsWithAnOldCopy(t *testing.T) {
	a, b := startserver.Memcached(t), startserver.Memcached(t)
	ctx := t.Context()
	both, alone := open(t, a.Addr, b.Addr), open(t, b.Addr)
	back, again := open(t, a.Addr, b.Addr), open(t, a.Addr+"#2", b.Addr)
	returned, stayed := 0, 0
	for i := range 100 {
		rec := record(i, 10)
		must(t, both.Create(ctx, rec))
		if i%2 == 0 {
			must(t, alone.Delete(ctx, rec.ID)) // a logout, while a is out of the list
		}
		_, err := back.Load(ctx, rec.ID)
		if err == nil && i%2 == 0 {
			returned++ // what the documentation warns of
		}
		_, err = again.Load(ctx, rec.ID)
		if err == nil && i%2 == 0 {
			t.Error("a session that was ended is back")
		}
		if err == nil {
			stayed++
		}
	}
	if returned == 0 || stayed == 0 {
		t.Errorf("the test shows nothing: %d returned, %d stayed", returned, stayed)
	}
}

// One server of several that is down takes its own sessions with it, and no others; they are
// unavailable, not absent.
func TestOneOfManyDown(t *testing.T) {
	a, b := startserver.Memcached(t), startserver.Memcached(t)
	s := open(t, a.Addr, b.Addr)
	ctx := t.Context()
	var recs []*driver.Record
	for i := range 50 {
		recs = append(recs, record(i, 10))
		must(t, s.Create(ctx, recs[i]))
	}
	a.Kill()
	found := 0
	for _, rec := range recs {
		_, err := s.Load(ctx, rec.ID)
		if err == nil {
			found++
		} else if !errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if found < 5 || found > 45 {
		t.Errorf("%d of 50 sessions are on the other server", found)
	}
	wants(t, s.Ping(ctx), driver.ErrUnavailable)
}

// A list that somebody has damaged is no empty list: who revokes all sessions of a user must hear of it. The next Touch
// makes it anew.
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
	if wants(t, last, driver.ErrIncomplete); n != 1 { // what else was on it, nobody knows
		t.Errorf("after a Touch: %d sessions", n)
	}
}
