package cookiehttp_test

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const writes core.Key[int] = "writes"

// visitor is a browser that loads pages of six requests at once. One of the six writes, the others only read.
type visitor struct {
	t      *testing.T
	m      *core.Manager
	clock  *storetest.Clock
	random *rand.Rand
	cookie string
	signIn bool // the write is a sign-in

	written, lost, due int // writes that were answered with 200; those that are gone; pages on which a touch was due
}

const requests = 6

// page loads a page. The requests leave within 30 ms, take 10 to 200 ms, and their responses 5 to 50 ms to arrive.
func (v *visitor) page() {
	before := v.count()
	if v.signIn {
		before = v.written
	}
	start := v.clock.Now()
	var events []event
	sends := 0
	writer := v.random.IntN(requests)
	for i := range requests {
		begin := start.Add(v.between(0, 30))
		commit := begin.Add(v.between(10, 200))
		arrival := commit.Add(v.between(5, 50))
		var x *core.Exchange
		var s *core.Session
		var out core.Out
		events = append(events, event{begin, func() {
			x = v.m.Adapter().Begin(v.t.Context(), v.header())
			s = made.Of(x.Session(v.t.Context()))
		}}, event{commit, func() {
			if i == writer && v.signIn {
				must(v.t, s.Login("alice"))
				must(v.t, writes.Set(s, before+1))
			} else if i == writer {
				must(v.t, writes.Update(s, func(n int) int { return n + 1 }))
			} else {
				_, _ = writes.Get(s)
			}
			out = made.Of(x.Commit(v.t.Context(), 200))
			must(v.t, x.Finish(v.t.Context()))
			if out.Name != "" && i != writer {
				sends++
			}
		}}, event{arrival, func() {
			if out.Name != "" {
				v.cookie, _, _ = strings.Cut(out.Value, ";")
			}
		}})
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	for _, e := range events {
		v.clock.Advance(e.at.Sub(v.clock.Now()))
		e.do()
	}
	v.written++
	if sends > 0 {
		v.due++
	}
	if v.count() != before+1 {
		v.lost++
	}
}

type event struct {
	at time.Time
	do func()
}

func (v *visitor) between(from, to int) time.Duration {
	return time.Duration(from)*time.Millisecond + time.Duration(v.random.Int64N(int64(to-from)*int64(time.Millisecond)))
}

func (v *visitor) header() http.Header {
	if v.cookie == "" {
		return nil
	}
	return http.Header{"Cookie": {v.cookie}}
}

func (v *visitor) count() int {
	x := v.m.Adapter().Begin(v.t.Context(), v.header())
	defer x.Discard()
	return writes.GetOr(made.Of(x.Session(v.t.Context())), 0)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// What a response that only reads takes back of another request's write. With the cookie store such a response sends
// the whole cookie when a touch is due, and the browser keeps the cookie that arrives last. The figures of
// docs/limits.md are from here: go test -v -run TestWritesThatReadsTakeBack.
func TestWritesThatReadsTakeBack(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name        string
		cfg         core.Config
		records     bool // a store that keeps records
		signIn      bool
		least, most float64
	}{
		{"a touch is never due", core.Config{IdleTimeout: 300 * day, Lifetime: 300 * day, TouchInterval: 299 * day}, false, false, 0, 0},
		{"the default: a touch in 16.8 hours", core.Config{}, false, false, 0.01, 0.1},
		{"a touch in 7 days", core.Config{TouchInterval: 7 * day}, false, false, 0.0005, 0.02},
		{"a touch in a minute", core.Config{TouchInterval: time.Minute}, false, false, 0.2, 0.8},
		{"SaveEveryRequest", core.Config{SaveEveryRequest: true}, false, false, 0.5, 0.95},
		{"a sign-in, and the default", core.Config{}, false, true, 0, 0.05},
		{"a sign-in, and SaveEveryRequest", core.Config{SaveEveryRequest: true}, false, true, 0.01, 0.5},
		{"SaveEveryRequest, in memstore", core.Config{SaveEveryRequest: true}, true, false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := storetest.NewClock()
			memory := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
			c.cfg.Store, c.cfg.Now, c.cfg.SweepInterval = driver.Backend(memory), clock.Now, -1
			if !c.records {
				keys := made.Of(keyring.New(keyring.Generate("k1")))
				c.cfg.Store = made.Of(cookiestore.New(keys, cookiestore.RevokeIn(memory), cookiestore.Config{Now: clock.Now}))
			}
			m := made.Of(core.New(c.cfg))
			defer m.Close()
			var written, lost, due int
			for user := range 5 {
				v := &visitor{t: t, m: m, clock: clock, random: rand.New(rand.NewPCG(1, uint64(user))), signIn: c.signIn}
				v.page() // begins the session
				v.written, v.lost, v.due = 0, 0, 0
				for range 60 { // visits in 30 days: two a day of ten pages, 50 s apart
					for range 10 {
						clock.Advance(50 * time.Second)
						v.page()
					}
					clock.Advance(v.between(4*3600_000, 20*3600_000))
				}
				written, lost, due = written+v.written, lost+v.lost, due+v.due
			}
			t.Logf("%d of %d writes lost (%.1f %%); a touch was due on %d pages (%.1f %%)", lost, written, 100*float64(lost)/float64(written), due, 100*float64(due)/float64(written))
			if share := float64(lost) / float64(written); share < c.least || share > c.most {
				t.Errorf("%.3f of the writes are lost; docs/limits.md says between %.3f and %.3f", share, c.least, c.most)
			}
		})
	}
}
