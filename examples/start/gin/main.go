package main

import (
	"cmp"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

const (
	visits core.Key[int] = "visits"
	form                 = `<p>Who are you?</p><form method="post"><input name="name"><button>Sign in</button></form>` + "\n"
	hello                = `<p>Hello, %s.</p><form method="post" action="/sign-out"><button>Sign out</button></form>` + "\n"
)

func main() {
	store, err := filestore.New("./sessions", filestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, LoginURL: "/sign-in"})
	if err != nil {
		log.Fatal(err)
	}
	handler := http.NewCrossOriginProtection().Handler(routes(m)) // forms of other sites get a 403
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "localhost:8080"), handler))
}

func routes(m *core.Manager) *gin.Engine {
	r := gin.Default() // with Logger and Recovery
	r.Use(ginsession.New(m))
	r.GET("/", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })    // two tabs count to two
		c.String(http.StatusOK, "visit %d\n", visits.GetOr(s, 0)) // saved before the first byte leaves
	}))
	r.GET("/sign-in", func(c *gin.Context) { c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(form)) })
	r.POST("/sign-in", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = s.Login(cmp.Or(c.PostForm("name"), "guest")) // your application checks a password or a passkey first
		c.Redirect(http.StatusSeeOther, core.LocalPath(c.Query("next"), "/"))
	}))
	r.POST("/sign-out", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = s.Logout()
		c.Redirect(http.StatusSeeOther, "/")
	}))
	r.GET("/account", ginsession.RequireLogin, ginsession.Handle(func(c *gin.Context, s *core.Session) {
		c.Header("Cache-Control", "no-store") // the page is one user's
		c.Data(http.StatusOK, "text/html; charset=utf-8", fmt.Appendf(nil, hello, html.EscapeString(s.Subject())))
	}))
	return r
}
