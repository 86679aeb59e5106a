package abilities_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/abilities"
)

type plain struct {
	driver.Store
	driver.Pinger
	io.Closer
}

type all struct{}

func (all) Rotate(context.Context, *driver.Record, *driver.Record) error { return nil }
func (all) Sweep(context.Context, int) (int, error)                      { return 0, nil }
func (all) All(context.Context) iter.Seq2[driver.Record, error]          { return nil }
func (all) BySubject(context.Context, string) iter.Seq2[driver.Record, error] {
	return nil
}

// Every combination has the abilities that it is given, and no others.
func TestJoin(t *testing.T) {
	for n := range 16 {
		var (
			r driver.Rotator
			w driver.Sweeper
			l driver.Lister
			x driver.Indexer
		)
		if n&1 != 0 {
			r = all{}
		}
		if n&2 != 0 {
			w = all{}
		}
		if n&4 != 0 {
			l = all{}
		}
		if n&8 != 0 {
			x = all{}
		}
		s := abilities.Join(plain{}, r, w, l, x)
		_, isR := s.(driver.Rotator)
		_, isW := s.(driver.Sweeper)
		_, isL := s.(driver.Lister)
		_, isX := s.(driver.Indexer)
		_, isP := s.(driver.Pinger)
		_, isC := s.(io.Closer)
		got, want := fmt.Sprint(isR, isW, isL, isX, isP, isC), fmt.Sprint(r != nil, w != nil, l != nil, x != nil, true, true)
		if got != want {
			t.Errorf("combination %d: %s, want %s", n, got, want)
		}
	}
}
