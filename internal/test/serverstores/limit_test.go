package serverstores

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/embeddedstores"
)

// TestLimit: 50 sign-ins of one user at once, on two servers, leave as many sessions as are allowed. memcachestore is no
// driver.Limiter, so core trims there.
func TestLimit(t *testing.T) {
	for _, s := range storages {
		t.Run(s.name, func(t *testing.T) {
			open := s.fresh(t)
			if driver.AbilitiesOf(open(t)).Limiter == nil {
				embeddedstores.CheckTrim(t, open)
				return
			}
			embeddedstores.CheckLimit(t, open)
		})
	}
}
