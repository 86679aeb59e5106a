package storetest

import (
	"io"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// abilities are the optional interfaces of package driver, in the order of the
// table in Report.
var abilities = []struct {
	name string
	of   func(s driver.Store) bool
}{
	{"Rotator", is[driver.Rotator]},
	{"Sweeper", is[driver.Sweeper]},
	{"Lister", is[driver.Lister]},
	{"Indexer", is[driver.Indexer]},
	{"Pinger", is[driver.Pinger]},
	{"Closer", is[io.Closer]},
}

func is[T any](s driver.Store) bool {
	_, ok := s.(T)
	return ok
}

func (e *env) lacks(ability string) bool {
	for _, a := range abilities {
		if a.name == ability {
			return !a.of(e.a)
		}
	}
	return false
}
