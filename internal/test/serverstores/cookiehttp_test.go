package serverstores

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/cookiehttp"
)

// RevokeSubject with the cookie store, whose revocations are in each storage.
func TestCookieStoreOverHTTP(t *testing.T) {
	for _, s := range storages {
		t.Run(s.name, func(t *testing.T) { cookiehttp.Run(t, s.fresh) })
	}
}
