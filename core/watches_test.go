package core_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// One read for all sockets of a session, and none for nobody.
func TestDoneReads(t *testing.T) {
	nodes(t, core.Config{SweepInterval: -1}, func(t *testing.T, b *browser, _ *core.Manager, fault *storetest.Fault) {
		var streams []*request
		for range 10 {
			r := b.copyOf().stream()
			streams = append(streams, r)
			r.s.Done(time.Minute)
		}
		streams[3].s.Done(every) // the shortest counts
		fault.Reset()
		time.Sleep(20 * every)
		if n := fault.Calls()["Load"]; n < 19 || n > 20 {
			t.Errorf("%d reads in 20 intervals", n)
		}
		must(t, streams[3].x.Finish(ctx))
		time.Sleep(time.Minute)
		fault.Reset()
		time.Sleep(20 * time.Minute)
		if n := fault.Calls()["Load"]; n < 19 || n > 20 {
			t.Errorf("%d reads in 20 minutes", n)
		}
		for _, r := range streams {
			r.x.Discard()
		}
		fault.Reset()
		time.Sleep(time.Hour)
		if c := fault.Calls(); len(c) != 0 {
			t.Errorf("calls for nobody: %v", c)
		}
	})
}

// Many sockets come back at once after a deployment. Their reads are spread over the interval.
func TestDoneSpreadsReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, _, fault := twoNodes(t, core.Config{})
		for range 200 {
			r := signedIn(t, here).stream()
			r.s.Done(every)
			defer r.x.Discard()
		}
		for range 5 {
			fault.Reset()
			time.Sleep(every / 5)
			if n := fault.Calls()["Load"]; n < 15 || n > 80 {
				t.Errorf("%d of 200 reads in a fifth of the interval", n)
			}
		}
	})
}

func TestDoneInAnOutage(t *testing.T) {
	logger, lines := logged()
	nodes(t, core.Config{Logger: logger}, func(t *testing.T, b *browser, there *core.Manager, fault *storetest.Fault) {
		r := b.stream()
		done := r.s.Done(time.Second)
		fault.Before(storetest.Outage)
		time.Sleep(time.Minute)
		if over(done) {
			t.Error("an outage ended it")
		}
		if begins, counts := lines("ERROR", "the store fails"), lines("ERROR", "still fails"); begins != 1 || counts < 5 || counts > 20 {
			t.Errorf("%d lines when it begins, %d counts", begins, counts)
		}
		endOf["Logout"](t, b.on(there))
		fault.Before(nil)
		time.Sleep(time.Second)
		if !over(done) {
			t.Error("it goes on after the outage")
		}
		must(t, r.x.Finish(ctx))
	})
}

// After an outage the end is found soon, even if the interval is long.
func TestDoneSoonAfterAnOutage(t *testing.T) {
	nodes(t, core.Config{}, func(t *testing.T, b *browser, there *core.Manager, fault *storetest.Fault) {
		r := b.stream()
		done := r.s.Done(time.Hour)
		fault.Before(storetest.Outage)
		time.Sleep(time.Hour) // the first read falls into the outage
		endOf["Logout"](t, b.on(there))
		fault.Before(nil)
		time.Sleep(10 * time.Second)
		if !over(done) {
			t.Error("it goes on")
		}
		must(t, r.x.Finish(ctx))
	})
}

// A store that hangs costs few goroutines, and holds up nobody's page.
func TestDoneWithAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, _, fault := twoNodes(t, core.Config{})
		var mu sync.Mutex
		var now, most int
		for range 100 {
			r := signedIn(t, here).stream()
			r.s.Done(time.Second)
			defer r.x.Discard()
		}
		fault.Before(func(storetest.Call) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(10 * time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		})
		time.Sleep(time.Minute)
		mu.Lock()
		if most != 16 {
			t.Errorf("%d reads at once", most)
		}
		mu.Unlock()
		fault.Before(nil)
		time.Sleep(20 * time.Second)
	})
}

// watched is a store that tells of changes.
type watched struct {
	driver.Store
	mu      sync.Mutex
	changed map[driver.ID]map[*func()]bool
}

func (w *watched) Watch(ctx context.Context, id driver.ID, changed func()) (driver.Record, func(), error) {
	w.mu.Lock()
	if w.changed[id] == nil {
		w.changed[id] = map[*func()]bool{}
	}
	key := &changed
	w.changed[id][key] = true
	w.mu.Unlock()
	stop := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.changed[id], key)
	}
	rec, err := w.Load(ctx, id)
	if err != nil {
		stop()
		return rec, nil, err
	}
	return rec, stop, nil
}

func (w *watched) tell(id driver.ID) {
	w.mu.Lock()
	var all []func()
	for f := range w.changed[id] {
		all = append(all, *f)
	}
	w.mu.Unlock()
	for _, f := range all {
		f()
	}
}

func (w *watched) Update(ctx context.Context, rec *driver.Record) error {
	defer w.tell(rec.ID)
	return w.Store.Update(ctx, rec)
}

func (w *watched) Delete(ctx context.Context, id driver.ID) error {
	defer w.tell(id)
	return w.Store.Delete(ctx, id)
}

func (w *watched) watches() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, all := range w.changed {
		n += len(all)
	}
	return n
}

func TestDoneWhereTheStoreTells(t *testing.T) {
	for _, how := range []string{"Logout", "Login", "RotateID", "Revoke"} {
		synctest.Test(t, func(t *testing.T) {
			fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
			store := &watched{Store: fault.Store(), changed: map[driver.ID]map[*func()]bool{}}
			here, there := newManager(t, core.Config{Store: store}), newManager(t, core.Config{Store: store})
			b := signedIn(t, here)
			r, second := b.copyOf().stream(), b.copyOf().stream()
			done := r.s.Done(time.Hour)
			second.s.Done(time.Hour)
			time.Sleep(time.Second)
			for _, slow := range []time.Duration{0, 50 * time.Millisecond} {
				fault.Reset()
				fault.Before(func(c storetest.Call) error {
					if c.Method == "Load" {
						time.Sleep(slow)
					}
					return nil
				})
				begun := time.Now()
				for i := range 1000 {
					b.on(there).visit(func(s *core.Session) { must(t, count.Set(s, i)) })
					time.Sleep(10 * time.Millisecond)
				}
				steps := int(time.Since(begun) / (100 * time.Millisecond))
				if n := fault.Calls()["Load"] - 1000; n < steps*8/10 || n > steps*11/10 || over(done) {
					t.Errorf("%d reads for 1,000 changes in %d times 100 ms, over: %t", n, steps, over(done))
				}
			}
			fault.Before(nil)
			time.Sleep(time.Second)
			endOf[how](t, b.on(there))
			if !over(done) {
				t.Errorf("%s: not over at once", how)
			}
			r.x.Discard()
			second.x.Discard()
			if n := store.watches(); n != 0 {
				t.Errorf("%d watches are left", n)
			}
		})
	}
}

// afterUpdate is a store that calls after when it has made an Update.
type afterUpdate struct {
	driver.Store
	after func(id driver.ID)
}

func (h *afterUpdate) Update(ctx context.Context, rec *driver.Record) error {
	err := h.Store.Update(ctx, rec)
	if h.after != nil {
		h.after(rec.ID)
	}
	return err
}

// The session is revoked while the request's own save is under way, and Done hears of it after that save.
func TestDoneDuringASave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &afterUpdate{Store: made.Of(memstore.New(memstore.Config{}))}
		m := newManager(t, core.Config{Store: store})
		r := signedIn(t, m).stream()
		done := r.s.Done(time.Hour)
		store.after = func(id driver.ID) { must(t, m.Revoke(ctx, id)) }
		must(t, count.Set(r.s, 2))
		must(t, r.s.Save(ctx))
		if !over(done) {
			t.Error("it goes on")
		}
		r.x.Discard()
	})
}

// Followers come and go while sessions end, over several managers. Nothing is missed, and nothing is left.
func TestDoneRandom(t *testing.T) {
	for seed := range rounds() / 10 {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			here, there, _ := twoNodes(t, core.Config{})
			var wg sync.WaitGroup
			for range 20 {
				b := signedIn(t, here)
				ends := time.Duration(r.IntN(20_000)) * time.Millisecond
				for range 1 + r.IntN(4) {
					begins, lasts := time.Duration(r.IntN(20_000))*time.Millisecond, time.Duration(r.IntN(20_000))*time.Millisecond
					interval := time.Duration(1+r.IntN(5)) * time.Second
					saves, at := r.IntN(2) == 0, []*core.Manager{here, there}[r.IntN(2)]
					wg.Go(func() {
						time.Sleep(begins)
						req := b.on(at).send()
						defer req.x.Discard()
						begun, done := time.Now(), req.s.Done(interval)
						late := begins >= ends
						deadline := time.After(lasts)
						tick := time.Tick(700 * time.Millisecond)
						for {
							select {
							case <-done:
								if !late && time.Since(begun) < ends-begins {
									t.Errorf("seed %d: over %v too early", seed, ends-begins-time.Since(begun))
								}
								return
							case <-deadline:
								if late && time.Since(begun) > 0 || !late && time.Since(begun) > ends-begins+interval {
									t.Errorf("seed %d: not over %v after the end", seed, time.Since(begun)-(ends-begins))
								}
								return
							case <-tick:
								if saves {
									_ = other.Update(req.s, func(n int) int { return n + 1 })
									_ = req.s.Save(ctx)
								}
							}
						}
					})
				}
				twin := b.on(there)
				wg.Go(func() {
					time.Sleep(ends)
					endOf[[]string{"Logout", "Login", "RotateID"}[int(ends)%3]](t, twin)
				})
			}
			wg.Wait()
		})
	}
}

// CloseStreams waits for no read: the Observer of one may call it.
func TestCloseStreamsByTheObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m *core.Manager
		var on atomic.Bool
		m = newManager(t, core.Config{Observer: func(_ context.Context, e core.Event) {
			if on.Load() && e.Kind == core.EventLoad {
				m.CloseStreams()
			}
		}})
		r := signedIn(t, m).stream()
		done := r.s.Done(every)
		on.Store(true)
		time.Sleep(every)
		if !over(done) {
			t.Error("goes on")
		}
		r.x.Discard()
	})
}

func TestCloseStreamsWhileTheStoreHangs(t *testing.T) {
	nodes(t, core.Config{}, func(t *testing.T, b *browser, there *core.Manager, fault *storetest.Fault) {
		r := b.stream()
		r.s.Done(every)
		fault.Before(func(storetest.Call) error { time.Sleep(time.Minute); return nil })
		time.Sleep(every)
		begun := time.Now()
		b.m.CloseStreams()
		if d := time.Since(begun); d > time.Second {
			t.Error(d)
		}
		r.x.Discard()
	})
}

// With the cookie store, the reads of Done are events, too, and end an outage in the log.
func TestDoneReadsWithACookieStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
		logger, lines := logged()
		var reads atomic.Int64
		m := cookieManager(t, cookiestore.RevokeIn(fault.Store()), core.Config{Logger: logger, Observer: func(_ context.Context, e core.Event) {
			if e.Kind == core.EventLoad {
				reads.Add(1)
			}
		}})
		r := signedIn(t, m).stream()
		done := r.s.Done(time.Second)
		before := reads.Load()
		time.Sleep(20 * time.Second)
		if n := reads.Load() - before; n < 19 || n > 21 {
			t.Errorf("%d events in 20 intervals", n)
		}
		fault.Before(storetest.Outage)
		time.Sleep(20 * time.Second)
		fault.Before(nil)
		time.Sleep(20 * time.Second)
		ended := over(done)
		if n := lines("INFO", "the store works again"); n != 1 || ended {
			t.Errorf("%d lines at the end of the outage, over: %t", n, ended)
		}
		r.x.Discard()
	})
}
