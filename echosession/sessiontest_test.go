package echosession_test

import (
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/echosession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// A handler that is called without the middleware finds the session of sessiontest's context.
func TestContextOfSessiontest(t *testing.T) {
	alice := sessiontest.New(t, core.Config{}).SignedIn("alice")
	c := echo.New().NewContext(httptest.NewRequest("GET", "/", nil).WithContext(alice.Context()), httptest.NewRecorder())
	if err := echosession.Handle(func(_ echo.Context, s *core.Session) error { return s.AddFlash("info", s.Subject()) })(c); err != nil {
		t.Error(err)
	}
	alice.WantFlashes("info: alice")
}
