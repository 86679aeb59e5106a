package shop

import (
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
)

// administrator is the user who may open /admin. A real application looks that up.
const administrator = "admin"

// Admin is the page for operators, to be mounted under /admin inside the session middleware. It shows what the session
// knows of the shop, and nothing else.
func Admin(m *core.Manager, stats *sessionadmin.Stats) (http.Handler, error) {
	return sessionadmin.New(sessionadmin.Config{
		Manager: m, Stats: stats, Prefix: "/admin",
		Authorize: func(r *http.Request) (who string, ok bool) {
			s, err := m.FromContext(r.Context())
			return s.Subject(), err == nil && s.Subject() == administrator
		},
		Format: func(key string, raw []byte) string {
			if key == string(Visits) || key == string(Cart) {
				return string(raw)
			}
			return ""
		},
	})
}

// Admin reports whether the page has a link to /admin, for the templates.
func (p Page) Admin() bool { return p.User == administrator }
