package owncost

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

// Adapter makes requests to one framework. Each function that it returns sends one request, with the given cookie
// unless that is "".
type Adapter struct {
	// Bare makes a request to a handler without a session.
	Bare func(cookie string) func()

	// With makes a request to a handler that calls use. If use is nil, the handler does not ask for the session.
	With func(use func(*core.Session), cookie string) func()

	// Seed stores a session that fill fills, and returns its cookie.
	Seed func(fill func(*core.Session)) (cookie string)
}

const (
	user  core.Key[string] = "user"
	count core.Key[int]    = "count"
)

// requests are the cases of all our figures: A has no cookie, B has one, and neither uses the session; C reads one key
// of five; D reads one and writes one; E begins a session.
var requests = []struct {
	name   string
	cookie bool
	use    func(*core.Session)
}{
	{"A", false, nil},
	{"B", true, nil},
	{"C", true, func(s *core.Session) { _, _ = user.Get(s) }},
	{"D", true, func(s *core.Session) { _, _ = user.Get(s); _ = count.Set(s, 42) }},
	{"E", false, func(s *core.Session) { _ = count.Set(s, 1) }},
}

// fill sets five values, 261 bytes as JSON.
func fill(s *core.Session) {
	_ = user.Set(s, "user-0123456789")
	_ = count.Set(s, 41)
	for _, k := range []core.Key[string]{"value0", "value1", "value2"} {
		_ = k.Set(s, "a value of a length that sessions tend to have, sixty bytes..")
	}
}

func (a Adapter) each(tb testing.TB, do func(name string, bare, with func())) {
	seeded := a.Seed(fill)
	if seeded == "" {
		tb.Fatal("no cookie")
	}
	for _, r := range requests {
		cookie := ""
		if r.cookie {
			cookie = seeded
		}
		do(r.name, a.Bare(cookie), a.With(r.use, cookie))
	}
}

// Requests measures what the adapter adds to each of the requests.
func Requests(b *testing.B, a Adapter) {
	a.each(b, func(name string, bare, with func()) {
		b.Run(name, func(b *testing.B) { Own(b, bare, with) })
	})
}

// Ceilings fails if a request allocates more often than allowed. Allocations are stable and time is not, so this is the
// test that finds a slower request path.
func Ceilings(t *testing.T, a Adapter, allowed map[string]float64) {
	if Race {
		t.Skip("the race detector allocates; the run without it counts")
	}
	a.each(t, func(name string, bare, with func()) {
		for range 20_000 { // while a store has few sessions, it still grows
			with()
		}
		if got := Allocs(bare, with); got > allowed[name] {
			t.Errorf("%s: %v allocations, at most %v", name, got, allowed[name])
		}
	})
}
