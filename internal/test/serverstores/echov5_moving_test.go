package serverstores

import (
	"net/http/httptest"
	"testing"

	echov4 "github.com/labstack/echo/v4"
	"github.com/labstack/echo/v5"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/echosession"
	"github.com/coatcheck-go/coatcheck/echov5session"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A session of a release on Echo v4 is one of a release on Echo v5, and the other way round.
func TestFromEchoV4ToV5(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	old, next := echov4.New(), echo.New()
	old.Use(echosession.New(newManager(t, store)))
	next.Use(echov5session.New(newManager(t, store)))
	const visits core.Key[int] = "visits"
	visit := func(s *core.Session) (string, error) {
		if s.Subject() == "" {
			if err := s.Login("alice"); err != nil {
				return "", err
			}
		}
		return s.Subject(), visits.Update(s, func(n int) int { return n + 1 })
	}
	old.GET("/", echosession.Handle(func(c echov4.Context, s *core.Session) error {
		name, err := visit(s)
		must(t, err)
		return c.String(200+visits.GetOr(s, 0), name)
	}))
	next.GET("/", echov5session.Handle(func(c *echo.Context, s *core.Session) error {
		name, err := visit(s)
		must(t, err)
		return c.String(200+visits.GetOr(s, 0), name)
	}))
	cookie := ""
	for i := range 4 {
		r, rec := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.Header.Set("Cookie", cookie)
		if i%2 == 0 {
			old.ServeHTTP(rec, r)
		} else {
			next.ServeHTTP(rec, r)
		}
		if rec.Code != 201+i || rec.Body.String() != "alice" {
			t.Errorf("visit %d: status %d, %q", i+1, rec.Code, rec.Body)
		}
		if c := rec.Result().Cookies(); len(c) > 0 {
			cookie = c[0].Name + "=" + c[0].Value
		}
	}
}
