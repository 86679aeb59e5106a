package serverstores

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/cookiesubject"
)

// RevokeSubject with the cookie store, whose revocations are in each storage.
func TestCookieSubject(t *testing.T) {
	for _, s := range storages {
		t.Run(s.name, func(t *testing.T) { cookiesubject.Run(t, s.fresh) })
	}
}
