package linear

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

const (
	clients     = 8
	maxRequests = 200
	maxUnknown  = 16              // requests of unknown outcome, after which a run ends: each may double the work of the checker
	maxTime     = 8 * time.Second // well within the 30 s for which a late token is known
)

// run is one history in the making.
type run struct {
	managers []*core.Manager
	subjects []string

	begun    time.Time
	last     atomic.Int64
	requests atomic.Int64
	unknown  atomic.Int64

	mu       sync.Mutex
	history  history
	jar      string // the cookie that all clients share
	cookies  []string
	owners   []int // sessions of cookies
	sessions []core.ID
}

// newManager makes a server of the application. The clients call RevokeSubject, so the store must have driver.Indexer.
// They need no other ability.
func newManager(store driver.Store, timeout time.Duration) (*core.Manager, error) {
	if driver.AbilitiesOf(store).Indexer == nil {
		return nil, fmt.Errorf("linear: %s is not driver.Indexer, and the clients call RevokeSubject: "+
			"add BySubject and ByLabel to the store, or leave it out of targets", store.Info().Name)
	}
	return core.New(core.Config{
		Store: store, StoreTimeout: timeout, Observer: observe, Logger: slog.New(slog.DiscardHandler), SweepInterval: -1,
		Cookie: core.Cookie{Name: "s", Insecure: true},
	})
}

var runs atomic.Int64

// newRun is a run in which all randomness of the clients comes from seed. What they meet does not.
func newRun(store string, seed uint64, managers []*core.Manager) *run {
	r := &run{managers: managers, begun: time.Now(), history: history{Store: store, Seed: seed}}
	n := runs.Add(1)
	for i := range 2 {
		r.subjects = append(r.subjects, fmt.Sprintf("run%d.user%d", n, i+1))
	}
	return r
}

// play lets the clients loose and returns what they saw. disturb, if not nil, runs beside them until stop is closed.
func (r *run) play(disturb func(r *run, stop <-chan struct{})) *history {
	first := r.client(0)
	first.request(kindAdd)
	var all, beside sync.WaitGroup
	stop := make(chan struct{})
	if disturb != nil {
		beside.Go(func() { disturb(r, stop) })
	}
	for i := range clients {
		c := r.client(i)
		all.Go(func() {
			for r.requests.Load() < maxRequests && r.unknown.Load() < maxUnknown && time.Since(r.begun) < maxTime {
				what := choose(c.rng)
				for !c.request(what) && time.Since(r.begun) < maxTime {
					time.Sleep(time.Duration(5+c.rng.IntN(20)) * time.Millisecond)
					what = kindLoad // as people do; and what changes nothing leaves nothing unknown
				}
			}
		})
	}
	all.Wait()
	close(stop)
	beside.Wait()
	slices.SortFunc(r.history.Ops, func(a, b op) int { return int(a.Call - b.Call) })
	return &r.history
}

func (r *run) client(i int) *client {
	return &client{run: r, number: i, rng: rand.New(rand.NewPCG(r.history.Seed, uint64(i)))}
}

// now is the time in nanoseconds, never the same twice.
func (r *run) now() int64 {
	for {
		last := r.last.Load()
		now := max(last+1, time.Since(r.begun).Nanoseconds())
		if r.last.CompareAndSwap(last, now) {
			return now
		}
	}
}

func (r *run) count() int { return int(r.requests.Add(1)) }

func (r *run) record(o op) {
	if o.Unknown {
		r.unknown.Add(1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.Ops = append(r.history.Ops, o)
}

// fault notes what was done to the storage.
func (r *run) fault(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.Faults = append(r.history.Faults, name)
}

// present is the cookie for a request: the jar's, or now and then one from before.
func (r *run) present(rng *rand.Rand) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.cookies) > 0 && rng.IntN(12) == 0 {
		return r.cookies[len(r.cookies)-1-rng.IntN(min(4, len(r.cookies)))]
	}
	return r.jar
}

// receive puts what a response has set into the jar, and returns the token's number.
func (r *run) receive(cookie string, session int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jar = cookie
	if cookie == "" {
		return 0
	}
	if i := slices.Index(r.cookies, cookie); i >= 0 {
		return i + 1
	}
	r.cookies, r.owners = append(r.cookies, cookie), append(r.owners, session)
	return len(r.cookies)
}

// forget throws a cookie that is worth nothing out of the jar, most of the time.
func (r *run) forget(cookie string, rng *rand.Rand) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.jar == cookie && rng.IntN(3) > 0 {
		r.jar = ""
	}
}

// numbers are those of a cookie's token and of its session.
func (r *run) numbers(cookie string) (token, session int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.cookies, cookie); i >= 0 {
		return i + 1, r.owners[i]
	}
	return 0, 0
}

// sessionOf is the number of a session that is known, else 0.
func (r *run) sessionOf(id core.ID) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Index(r.sessions, id) + 1
}

// sessionNumber is the number of a session, known or not.
func (r *run) sessionNumber(id core.ID) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.sessions, id); i >= 0 {
		return i + 1
	}
	r.sessions = append(r.sessions, id)
	return len(r.sessions)
}

// known is a session to revoke: that of the jar, or any that a response has begun.
func (r *run) known(rng *rand.Rand) (int, core.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.owners) == 0 {
		return 0, core.ID{}
	}
	n := r.owners[rng.IntN(len(r.owners))]
	if i := slices.Index(r.cookies, r.jar); i >= 0 && rng.IntN(4) > 0 {
		n = r.owners[i]
	}
	return n, r.sessions[n-1]
}

// subjectNumber is 0 for nobody.
func (r *run) subjectNumber(subject string) int { return slices.Index(r.subjects, subject) + 1 }
