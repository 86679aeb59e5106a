package storetest

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Fault puts hooks around the calls of a store, and counts the calls. It is for tests of code that uses a store: does
// an outage at the third call lose anything? Does a page that never asks for its session cost a call? What happens if
// a logout comes between a Load and its Update?
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
	ID     driver.ID // zero if the method has none; for Succeed, that of the old record
	N      int       // the number of the call, from 1, over all methods, since NewFault or Reset
}

// ErrInjected is what the errors of this package's hooks match, besides driver.ErrUnavailable.
var ErrInjected = errors.New("injected outage")

// NewFault wraps a store. No call fails until a hook is set.
func NewFault(inner driver.Store) *Fault { return &Fault{inner: inner, calls: map[string]int{}} }

// Store returns the wrapped store. It has the same abilities as the inner store: see driver.AbilitiesOf.
func (f *Fault) Store() driver.Store { return &faulty{f, driver.AbilitiesOf(f.inner)} }

// Before sets the hook that runs before each call. If it returns an error, the call returns that, and the inner store
// is not called. The hook may block, to hold the call until something else has happened, and it may call the inner
// store. Default: nil, no hook.
func (f *Fault) Before(hook func(Call) error) { f.set(&f.before, hook) }

// After sets the hook that runs after each call. If it returns an error, the call returns that, although it had its
// effect. Default: nil, no hook.
func (f *Fault) After(hook func(Call) error) { f.set(&f.after, hook) }

func (f *Fault) set(to *func(Call) error, hook func(Call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*to = hook
}

// Calls returns the number of calls by method, for the methods that were called. Calls that a hook failed count, too.
func (f *Fault) Calls() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.calls)
}

// Reset removes the hooks and sets the counts to 0.
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

// do counts a call and runs it between the hooks. The hooks run without the lock.
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
