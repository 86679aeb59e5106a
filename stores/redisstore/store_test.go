package redisstore

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

func TestStore(t *testing.T) {
	clock := storetest.NewClock()
	h := harness(clock, one, opening(clock, Config{}))
	if !fips() { // TestStoreInFIPSMode runs this test a second time
		h.MaxData = MaxData
	}
	storetest.Run(t, h)
}

// The suite with the machine's clock and the outages of a real server.
func TestStoreRealTime(t *testing.T) {
	t.Parallel() // it mostly waits
	s := startserver.Redis(t)
	proxy := startserver.NewProxy(t, s.Addr)
	h := harness(nil, func(testing.TB) []*startserver.Server { return []*startserver.Server{s} },
		func(tb testing.TB, _ ...string) *Store { return openStore(tb, nil, Config{}, proxy.Addr) })
	h.Outages = map[string]func(testing.TB) func(){
		"killed":  func(tb testing.TB) func() { s.Kill(); return func() { s.Restart(tb) } },
		"paused":  func(tb testing.TB) func() { s.Pause(); return s.Resume },
		"hanging": func(testing.TB) func() { proxy.Hang(); return proxy.Heal },
		"down":    func(tb testing.TB) func() { proxy.Down(); return func() { proxy.Up(tb) } },
		"cut":     func(testing.TB) func() { proxy.CutEach(0); return proxy.Heal },
		"no connection left": func(tb testing.TB) func() {
			command(tb, s, "CONFIG", "SET", "requirepass", "x")
			proxy.Reset()
			return func() {
				c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}, Password: "x", DisableCache: true})
				ok(tb, err)
				defer c.Close()
				ok(tb, c.Do(context.Background(), c.B().Arbitrary("CONFIG", "SET", "requirepass", "").Build()).Error())
			}
		},
	}
	h.WriteOutages = map[string]func(testing.TB) func(){
		"full": func(tb testing.TB) func() {
			command(tb, s, "CONFIG", "SET", "maxmemory", "1")
			return func() { command(tb, s, "CONFIG", "SET", "maxmemory", "0") }
		},
		"no replica": func(tb testing.TB) func() {
			command(tb, s, "CONFIG", "SET", "min-replicas-to-write", "1")
			return func() { command(tb, s, "CONFIG", "SET", "min-replicas-to-write", "0") }
		},
	}
	storetest.Run(t, h)
}

func TestStoreCluster(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Run(t, harness(clock, cluster, opening(clock, Config{})))
}

// A common hash tag puts all keys on one node. There, Succeed is one step.
func TestStoreClusterWithTag(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Run(t, harness(clock, cluster, opening(clock, Config{Prefix: "{shop}:"})))
}

func TestStoreOwnClient(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Run(t, harness(clock, one, openingOwn(clock)))
}

// The largest record, on the configurations that TestStore does not cover: one store writes and replaces it, another
// reads it.
func TestLargestRecord(t *testing.T) {
	rec := newRecord(strings.Repeat("s", driver.MaxSubject), "")
	for i := range driver.MaxLabels {
		rec.Labels = append(rec.Labels, strings.Repeat("l", driver.MaxSubject-1)+string(rune('a'+i)))
	}
	data, more := bytes.Repeat([]byte("d"), MaxData), make([]byte, MaxData+1)
	for name, c := range map[string]struct {
		servers func(testing.TB) []*startserver.Server
		open    opener
	}{
		"cluster":    {cluster, opening(nil, Config{})},
		"cached":     {one, opening(nil, Config{CacheFor: time.Minute})},
		"own client": {one, openingOwn(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			open := harness(nil, c.servers, c.open).New(t)
			s, other := open(t), open(t)
			rec.Data = data[1:]
			ok(t, s.Create(t.Context(), rec))
			rec.Data = data
			ok(t, s.Update(t.Context(), rec))
			for range 2 { // with CacheFor, the second time from memory
				got, err := other.Load(t.Context(), rec.ID)
				if err != nil || !bytes.Equal(got.Data, data) || got.Subject != rec.Subject || !slices.Equal(got.Labels, rec.Labels) {
					t.Errorf("Load: %v, %d bytes of %d", err, len(got.Data), len(data))
				}
			}
			rec.Data = more
			if err := s.Update(t.Context(), rec); !errors.Is(err, driver.ErrTooLarge) {
				t.Errorf("Update with a byte more: %v", err)
			}
		})
	}
}

func TestReport(t *testing.T) {
	h := harness(nil, one, opening(nil, Config{}))
	h.MaxData = MaxData
	got := storetest.Report(t, h)
	const want = "| redisstore | yes | yes | - | yes | yes | yes | - | yes | - | yes | - | yes | yes | yes | all servers | 8388608 bytes |\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
