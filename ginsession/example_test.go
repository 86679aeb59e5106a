package ginsession_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/ginsession"
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
	r := gin.New() // yours: gin.Default()
	r.Use(ginsession.New(m))
	r.GET("/", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		n, _ := visits.Get(s)
		c.String(http.StatusOK, "visit %d", n)
	}))

	browse(r)
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

	members := func(c *gin.Context) {
		s, err := ginsession.Get(c)
		switch {
		case err != nil: // an outage must not look like a logout
			c.AbortWithStatus(core.HTTPStatus(err))
		case s.Subject() == "":
			c.String(http.StatusUnauthorized, "log in first")
			c.Abort()
		}
	}
	r := gin.New()
	r.Use(ginsession.New(m))
	r.GET("/", members, func(c *gin.Context) { c.String(http.StatusOK, "welcome") })

	browse(r)
	// Output:
	// log in first
	// log in first
}

// The application's own error page.
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
	r := gin.New()
	r.Use(ginsession.New(m, ginsession.WithErrorHandler(func(c *gin.Context, err error) {
		c.AbortWithStatusJSON(core.HTTPStatus(err), gin.H{"error": "this could not be stored"})
	})))
	r.GET("/", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = note.Set(s, fmt.Sprintf("%200d", 0))
		c.String(http.StatusOK, "stored") // never gets out
	}))

	browse(r)
	// Output:
	// {"error":"this could not be stored"}
	// {"error":"this could not be stored"}
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
