package cookiestore_test

import (
	"errors"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The findings are those about the store of revoked sessions. Without one there is nothing to tell.
func TestInspect(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(fault.Store()), cookiestore.Config{})
	if found, err := s.Inspect(ctx); err != nil || len(found) == 0 || found[0].Name != "records" {
		t.Errorf("%+v, %v", found, err)
	}
	fault.Before(storetest.Outage)
	if _, err := s.Inspect(ctx); !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	if found, err := simple(t).Inspect(ctx); err != nil || found != nil {
		t.Errorf("without revocations: %+v, %v", found, err)
	}
}
