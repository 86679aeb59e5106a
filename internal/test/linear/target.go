package linear

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// target is one way to keep sessions, and what goes wrong there.
type target struct {
	name string

	reads reads

	// timeout is core.Config.StoreTimeout. Where servers are stopped it is short, so that many requests see it pass.
	timeout time.Duration

	// open starts what there is to start, and opens a handle for each server of the application.
	open func(tb testing.TB) site
}

// site is an open target.
type site struct {
	stores []driver.Store
	faults []fault // none: nothing goes wrong
}

// fault breaks the storage and mends it again.
type fault struct {
	name string

	// do returns when all is well again.
	do func(rng *rand.Rand)

	// forgets: what the storage held is gone.
	forgets bool
}

// disturb does one fault after the other, with pauses between: after a long one a longer one, or else nothing but
// outages would be seen.
func disturb(faults []fault, seed uint64) func(*run, <-chan struct{}) {
	return func(r *run, stop <-chan struct{}) {
		rng := rand.New(rand.NewPCG(seed, 1<<32))
		for took := time.Duration(0); ; {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(5+rng.IntN(60))*time.Millisecond + min(2*took, time.Second)):
			}
			f := faults[rng.IntN(len(faults))]
			o := op{Client: clients, Request: r.count(), Kind: kindForget, Call: r.now()}
			f.do(rng)
			o.Return = r.now()
			took = time.Duration(o.Return - o.Call)
			if f.forgets {
				r.record(o)
			}
			r.fault(f.name)
		}
	}
}
