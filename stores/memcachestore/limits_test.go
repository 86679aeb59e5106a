package memcachestore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/testserver"
)

// A full server throws sessions out: they are not found then, and none is wrong.
func TestEviction(t *testing.T) {
	s := open(t, testserver.Memcached(t, "-m", "2").Addr)
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
			wants(t, s.Touch(ctx, rec.ID, rec.Version, time.Now().Add(2*time.Hour)), driver.ErrNotFound)
		case err != nil || got.ID != rec.ID || got.Data[0] != byte(i):
			t.Fatalf("record %d: %v of %d, %v", i, got.ID, got.Data[0], err)
		}
	}
	if gone == 0 || gone == len(recs) {
		t.Errorf("%d of %d sessions were thrown out", gone, len(recs))
	}
	for rec, err := range s.BySubject(ctx, "alice") {
		must(t, err)
		if _, err := s.Load(ctx, rec.ID); err != nil || rec.Subject != "alice" {
			t.Errorf("listed: %q, %v", rec.Subject, err)
		}
	}
}

// What is too large is refused before the server hears of it: the old record stays. A
// server that takes less than we believe refuses it itself, and the old record stays, too.
func TestTooLarge(t *testing.T) {
	small := testserver.Memcached(t, "-I", "512k", "-o", "slab_chunk_max=256")
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
		must(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Expires))
		must(t, s.Update(t.Context(), rec))
		if got, err := s.Load(t.Context(), rec.ID); err != nil || !got.Expires.Equal(rec.Expires) {
			t.Errorf("a life of %v, longer by an hour: until %v, %v", life, got.Expires, err)
		}
	}
}

// The index forgets with its server, and Touch puts a session back into it.
func TestIndexHeals(t *testing.T) {
	srv := testserver.Memcached(t)
	s := open(t, srv.Addr)
	ctx := t.Context()
	rec := record(1, 10)
	rec.Subject = "healed"
	must(t, s.Create(ctx, rec))
	listed := func() (n int) {
		for _, err := range s.BySubject(ctx, "healed") {
			must(t, err)
			n++
		}
		return n
	}
	if listed() != 1 {
		t.Fatal("not listed")
	}
	raw := memcache.New(srv.Addr)
	defer raw.Close()
	must(t, raw.Delete("test:s:"+hash("healed")))
	if listed() != 0 {
		t.Fatal("listed without a list")
	}
	must(t, s.Touch(ctx, rec.ID, rec.Version, rec.Expires.Add(time.Minute)))
	if listed() != 1 {
		t.Error("not listed after Touch")
	}
	// Dead entries do not pile up.
	for i := range 300 {
		dead := record(1000+i, 10)
		dead.Subject = "healed"
		must(t, s.Create(ctx, dead))
		must(t, s.Delete(ctx, dead.ID))
	}
	item, err := raw.Get("test:s:" + hash("healed"))
	must(t, err)
	if n := len(item.Value) / 32; n > 100 {
		t.Errorf("%d IDs in the list of one session", n)
	}
	if listed() != 1 {
		t.Error("not listed any more")
	}
	if item, err = raw.Get("test:s:" + hash("healed")); err != nil || len(item.Value) != 32 {
		t.Errorf("%d bytes in the list, %v", len(item.Value), err)
	}
}

// A server that was out of the list while a session was ended does not bring it back, if
// it is put back as a new generation.
func TestServerReturnsWithAnOldCopy(t *testing.T) {
	a, b := testserver.Memcached(t), testserver.Memcached(t)
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
	a, b := testserver.Memcached(t), testserver.Memcached(t)
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
