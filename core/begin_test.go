package core_test

import (
	"errors"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Create landed, but said it had not: the next Save answers 500 for ever.
func TestCreateThatLandedAndFailed(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	r := b.send()
	must(t, count.Set(r.s, 1))
	n := 0
	fault.After(func(c storetest.Call) error {
		if c.Method == "Create" && n == 0 {
			n++
			return driver.ErrUnavailable
		}
		return nil
	})
	t.Log(r.s.Save(ctx))
	if _, err := r.respond(200); err != nil {
		t.Errorf("%d %v", core.HTTPStatus(err), err)
	}
}

// A generator of tokens that repeats itself is not the visitor's fault.
func TestTakenSelector(t *testing.T) {
	for kind, open := range kinds {
		for _, times := range []int{1, 2, 3} {
			fault := storetest.NewFault(open())
			m := newManager(t, core.Config{Store: fault.Store()})
			b := newBrowser(t, m)
			b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
			taken := 0
			fault.Before(func(c storetest.Call) error {
				if taken < times && (c.Method == "Create" || c.Method == "Succeed") {
					taken++
					return driver.ErrExists
				}
				return nil
			})
			r := b.send()
			must(t, r.s.Login("alice"))
			_, err := r.respond(200)
			if (err == nil) != (times < 3) || err != nil && !errors.Is(err, driver.ErrExists) {
				t.Errorf("%s: taken %d times: %v", kind, times, err)
			}
			if n, live := b.value(count); n != 1 || !live {
				t.Errorf("%s: taken %d times: count %d, alive %t", kind, times, n, live)
			}
		}
	}
}
