package storetest

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Fault puts hooks around the calls of a store and counts them. It is for tests
// of what stands above a store: does an outage at the third call lose anything, does
// a page that never asks for its session cost a call, what if a logout comes
// between a Load and its Update.
//
//	store, err := memstore.New(memstore.Config{})
//	fault := storetest.NewFault(store)
//	m, err := core.New(core.Config{Store: fault.Store()})
//	fault.Before(storetest.Nth(3))
type Fault struct {
	inner driver.Store

	mu            sync.Mutex
	before, after func(Call) error
	n             int
	calls         map[string]int
}

// Call is one call of a store's method. A walk through All, BySubject or ByLabel is one call.
type Call struct {
	Method string    // "Load"
	ID     driver.ID // zero where the method has none; of Succeed, the old one
	N      int       // counted from 1 over all methods, since NewFault or Reset
}

// ErrInjected is found in the errors that the hooks of this package return,
// beside driver.ErrUnavailable.
var ErrInjected = errors.New("injected outage")

// NewFault wraps a store. Nothing fails yet.
func NewFault(inner driver.Store) *Fault { return &Fault{inner: inner, calls: map[string]int{}} }

// Store returns the wrapped store. It has the abilities of the store inside and no
// others: ask driver.AbilitiesOf.
func (f *Fault) Store() driver.Store { return &faulty{f, driver.AbilitiesOf(f.inner)} }

// Before sets what runs before each call: an error that it returns is the
// call's answer, and the store inside is not asked. It may block, to hold a call until
// something else has happened, and it may call the store inside. Default: nil, nothing.
func (f *Fault) Before(hook func(Call) error) { f.set(&f.before, hook) }

// After sets what runs after each call: an error that it returns replaces the
// answer, although the call had its effect. Default: nil, nothing.
func (f *Fault) After(hook func(Call) error) { f.set(&f.after, hook) }

func (f *Fault) set(to *func(Call) error, hook func(Call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*to = hook
}

// Calls returns the number of calls of each method that was called, refused
// ones included.
func (f *Fault) Calls() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.calls)
}

// Reset removes the hooks and counts from 0 again.
func (f *Fault) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after, f.n = nil, nil, 0
	clear(f.calls)
}

// Outage is a hook that fails every call.
func Outage(c Call) error { return driver.Unavailable("storetest: "+c.Method, ErrInjected) }

// Nth returns a hook that fails only the call with this number.
func Nth(n int) func(Call) error {
	return When(func(c Call) bool { return c.N == n })
}

// On returns a hook that fails the calls of these methods.
func On(methods ...string) func(Call) error {
	return When(func(c Call) bool { return slices.Contains(methods, c.Method) })
}

// When returns a hook that fails the calls for which match is true.
func When(match func(Call) bool) func(Call) error {
	return func(c Call) error {
		if match(c) {
			return Outage(c)
		}
		return nil
	}
}

// do counts a call and runs it between the hooks, which run unlocked.
func (f *Fault) do(method string, id driver.ID, call func() error) error {
	f.mu.Lock()
	f.n++
	f.calls[method]++
	c, before, after := Call{Method: method, ID: id, N: f.n}, f.before, f.after
	f.mu.Unlock()
	if before != nil {
		if err := before(c); err != nil {
			return err
		}
	}
	err := call()
	if after != nil {
		if failed := after(c); failed != nil {
			return failed
		}
	}
	return err
}
