package cookiehttp_test

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/cookiehttp"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestRevokeSubjectOverHTTP(t *testing.T) {
	cookiehttp.Run(t, func(testing.TB) func(testing.TB) driver.Store {
		shared := made.Of(memstore.New(memstore.Config{}))
		return func(testing.TB) driver.Store { return shared }
	})
}
