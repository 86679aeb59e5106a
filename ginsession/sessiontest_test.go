package ginsession_test

import (
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// A handler that is called without the middleware finds the session of sessiontest's context.
func TestContextOfSessiontest(t *testing.T) {
	alice := sessiontest.New(t, core.Config{}).SignedIn("alice")
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest("GET", "/", nil).WithContext(alice.Context())
	ginsession.Handle(func(_ *gin.Context, s *core.Session) { _ = s.AddFlash("info", s.Subject()) })(c)
	alice.WantFlashes("info: alice")
}
