package memcachestore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// An Update keeps values of the stored record. They come from the store's memory if the record was loaded here. They
// come from the server if it was not, or if another Touch came between. The result must be the same.
func TestUpdateKeeps(t *testing.T) {
	srv := memcached(t)
	s, other := open(t, srv.Addr), open(t, srv.Addr)
	ctx := t.Context()
	for name, prepare := range map[string]func(rec *driver.Record) error{
		"not loaded": func(*driver.Record) error { return nil },
		"loaded":     func(rec *driver.Record) error { _, err := s.Load(ctx, rec.ID); return err },
		"loaded, then touched": func(rec *driver.Record) error {
			_, err := s.Load(ctx, rec.ID)
			rec.Used, rec.Expires = rec.Used.Add(time.Second), rec.Expires.Add(time.Hour)
			return errors.Join(err, other.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires))
		},
	} {
		for _, size := range []int{10, 100 << 10} { // one size is remembered, the other is not
			for _, clear := range []bool{false, true} {
				for _, exact := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, %d bytes, clear %t, exact %t", name, size, clear, exact), func(t *testing.T) {
						want := record(size, size)
						want.Subject, want.Labels = "alice", []string{"admin", "idp"}
						must(t, s.Create(ctx, want))
						must(t, prepare(want))
						given := *want
						given.Data = []byte("new")
						given.Subject, given.Labels = "bob", []string{"intruder"}
						given.Created, given.Used, given.Expires = want.Created.Add(-time.Hour), want.Used.Add(-time.Hour), time.Now().Add(time.Minute).Truncate(time.Microsecond)
						given.Exact = exact
						if clear {
							given.Subject, want.Subject, want.Labels = "", "", nil
						}
						if exact {
							want.Expires = given.Expires
						}
						before := given
						must(t, s.Update(ctx, &given))
						before.Version = given.Version
						if fmt.Sprint(given) != fmt.Sprint(before) {
							t.Errorf("the record given became %+v", given)
						}
						want.Version, want.Data = given.Version, given.Data
						got, err := other.Load(ctx, want.ID)
						must(t, err)
						if !got.Created.Equal(want.Created) || !got.Used.Equal(want.Used) || !got.Expires.Equal(want.Expires) || got.Exact ||
							got.Version != want.Version || got.Subject != want.Subject || !slices.Equal(got.Labels, want.Labels) || string(got.Data) != "new" {
							t.Errorf("stored:\n%+v, want\n%+v", got, *want)
						}
					})
				}
			}
		}
	}
}

// A session that cannot be listed is not created: RevokeSubject would not find it.
func TestCreateThatIsNotListed(t *testing.T) {
	up := memcached(t)
	proxy := startserver.NewProxy(t, startserver.Memcached(t).Addr)
	alone := open(t, up.Addr) // sees which records are stored
	for name, c := range map[string]struct {
		fault   func()
		patient bool // the context has no deadline
	}{
		"refused": {proxy.Down, true},
		"hangs":   {proxy.Hang, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, up.Addr, proxy.Addr) // a new store, whose breaker is closed
			c.fault()
			defer func() { proxy.Heal(); proxy.Up(t) }()
			failed := 0
			for i := range 40 {
				rec := record(i, 10)
				rec.Subject, rec.Labels = fmt.Sprint("subject ", i), []string{fmt.Sprint("label ", i)}
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				if c.patient {
					ctx = t.Context()
				}
				start := time.Now()
				err := s.Create(ctx, rec)
				cancel()
				if took := time.Since(start); !c.patient && took > soon {
					t.Errorf("Create took %v", took)
				}
				if err == nil {
					continue
				}
				failed++
				wants(t, err, driver.ErrUnavailable)
				gone := func() bool { _, err := alone.Load(t.Context(), rec.ID); return errors.Is(err, driver.ErrNotFound) }
				if c.patient && !gone() {
					t.Fatal("the record is still there")
				}
				eventually(t, gone)
			}
			if failed < 10 {
				t.Errorf("%d of 40 failed", failed)
			}
		})
	}
}

// A Create whose context ends returns, and does not wait until the record is withdrawn.
func TestCreateThatIsNotListedInTime(t *testing.T) {
	up := memcached(t)
	proxy := startserver.NewProxy(t, up.Addr)
	// The lists' server is never reached: when it is dialed, the caller gives up, and the records' server stops answering.
	var leave context.CancelFunc
	s := openWith(t, []string{proxy.Addr, "lists:1"}, Config{
		Timeout: patience,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "lists:1" {
				proxy.Hang()
				leave()
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	})
	alone := open(t, up.Addr)
	seen := 0
	for i := range 40 { // for some, the record is on the first server and the list on the second
		rec := record(i, 10)
		rec.Subject = fmt.Sprint("alice ", i)
		ctx, cancel := context.WithCancel(t.Context())
		leave = cancel
		start := time.Now()
		err := s.Create(ctx, rec)
		if took := time.Since(start); took > soon {
			t.Errorf("took %v", took)
		}
		cancel()
		if err != nil {
			wants(t, err, driver.ErrUnavailable)
			wants(t, err, context.Canceled)
		}
		if loadErr := errOf(alone.Load(t.Context(), rec.ID)); err != nil && loadErr == nil {
			seen++
			proxy.Heal()
			eventually(t, func() bool { return errors.Is(errOf(alone.Load(t.Context(), rec.ID)), driver.ErrNotFound) })
		}
		proxy.Heal()
	}
	if seen == 0 {
		t.Error("the test shows nothing: no record was without its list")
	}
}

func errOf[T any](_ T, err error) error { return err }

// withdraw runs in its own goroutine, where a panic of Config.DialContext would end the process.
func TestWithdrawPanics(t *testing.T) {
	s, err := New([]string{"127.0.0.1:1"}, Config{
		DialContext: func(context.Context, string, string) (net.Conn, error) { panic("in DialContext") },
	})
	if err != nil {
		t.Fatal(err)
	}
	id := driver.ID{1}
	s.withdraw(t.Context(), s.ring.pick(&id), id, 1)
}

// A record that is too large is refused before it is sent. If the server takes less than Config.MaxItem, the server
// refuses it. The old record stays in both cases.
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
		for range 10 { // the breaker stays closed
			wants(t, s.Update(t.Context(), &large), driver.ErrTooLarge)
			wants(t, s.Create(t.Context(), record(2, c.size)), driver.ErrTooLarge)
		}
		got, err := s.Load(t.Context(), rec.ID)
		if err != nil || len(got.Data) != 10 {
			t.Errorf("%s limit: the old record: %d bytes, %v", name, len(got.Data), err)
		}
	}
}
