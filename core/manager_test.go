package core_test

import (
	"errors"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// failingCloser is a store whose Close fails.
type failingCloser struct{ driver.Store }

// Close implements io.Closer.
func (failingCloser) Close() error { return errClose }

var errClose = errors.New("disk gone")

// Given a Manager whose store could not be closed, when it is closed again, then it says so again.
func TestCloseTellsEachTime(t *testing.T) {
	m := newManager(t, core.Config{Store: failingCloser{made.Of(memstore.New(memstore.Config{}))}})
	for range 2 {
		if err := m.Close(); !errors.Is(err, errClose) {
			t.Errorf("Close: %v", err)
		}
	}
}
