package echov5session_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/labstack/echo/v5"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/echov5session"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func Example() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	const visits core.Key[int] = "visits"
	e := echo.New()
	e.Use(echov5session.New(m))
	e.GET("/", echov5session.Handle(func(c *echo.Context, s *core.Session) error {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		n, _ := visits.Get(s)
		return c.String(http.StatusOK, fmt.Sprint("visit ", n))
	}))

	browse(e)
	// Output:
	// visit 1
	// visit 2
}

// Get is for the middle of a handler, or of another middleware: this one asks for a login.
func ExampleGet() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	members := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			s, err := echov5session.Get(c)
			if err != nil {
				return err // 503: an outage must not look like a logout
			}
			if s.Subject() == "" {
				return c.String(http.StatusUnauthorized, "log in first")
			}
			return next(c)
		}
	}
	e := echo.New()
	e.Use(echov5session.New(m), members)
	e.GET("/", func(c *echo.Context) error { return c.String(http.StatusOK, "welcome") })

	browse(e)
	// Output:
	// log in first
	// log in first
}

// The application's own text; Echo's HTTPErrorHandler sends it.
func ExampleWithErrorHandler() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, MaxSize: 128})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	const note core.Key[string] = "note"
	e := echo.New()
	e.Use(echov5session.New(m, echov5session.WithErrorHandler(func(c *echo.Context, err error) error {
		return echo.NewHTTPError(core.HTTPStatus(err), "this could not be stored").Wrap(err)
	})))
	e.GET("/", echov5session.Handle(func(c *echo.Context, s *core.Session) error {
		_ = note.Set(s, fmt.Sprintf("%200d", 0))
		return c.String(http.StatusOK, "stored") // never gets out
	}))

	browse(e)
	// Output:
	// {"message":"this could not be stored"}
	//
	// {"message":"this could not be stored"}
}

// browse visits h twice with one cookie jar and prints what it sees.
func browse(h http.Handler) {
	srv := httptest.NewTLSServer(h)
	defer srv.Close()
	client := srv.Client()
	client.Jar, _ = cookiejar.New(nil)
	for range 2 {
		res, err := client.Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		page, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Println(string(page))
	}
}
