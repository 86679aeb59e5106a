// Command after is the application of before, on coatcheck.
package main

import (
	"cmp"
	"log"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

// Cart is what a visitor has chosen.
type Cart struct{ Items []string }

const (
	visits core.Key[int]  = "visits"
	cart   core.Key[Cart] = "cart"
)

func main() {
	address := cmp.Or(os.Getenv("REDIS"), "127.0.0.1:6379")
	store, err := redisstore.Open(rueidis.ClientOption{InitAddress: []string{address}}, redisstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, Adopt: takeOver(address, store).Adopt})
	if err != nil {
		log.Fatal(err)
	}
	r := gin.Default()
	r.Use(ginsession.New(m))
	r.GET("/", ginsession.Handle(home))
	r.GET("/me", ginsession.Handle(me))
	r.POST("/add", ginsession.Handle(add))
	r.POST("/sign-in", ginsession.Handle(signIn))
	r.POST("/sign-out", ginsession.Handle(signOut))
	log.Fatal(r.Run(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080")))
}

func home(c *gin.Context, s *core.Session) {
	_ = visits.Update(s, func(n int) int { return n + 1 })
	var messages []string
	waiting, _ := s.Flashes(c.Request.Context())
	for _, m := range waiting {
		messages = append(messages, m.Text)
	}
	c.String(http.StatusOK, "visit %d of %q, cart %v, messages %v\n",
		visits.GetOr(s, 0), s.Subject(), cart.GetOr(s, Cart{}).Items, messages)
}

func me(c *gin.Context, s *core.Session) { c.String(http.StatusOK, "you are %q\n", s.Subject()) }

func add(c *gin.Context, s *core.Session) {
	item := c.PostForm("item")
	_ = cart.Update(s, func(in Cart) Cart { return Cart{append(in.Items, item)} })
	c.Redirect(http.StatusSeeOther, "/")
}

func signIn(c *gin.Context, s *core.Session) { // a real one asks for a password
	name := c.PostForm("name")
	_ = s.Login(name)
	_ = s.AddFlash("info", "Welcome, "+name)
	c.Redirect(http.StatusSeeOther, "/")
}

func signOut(c *gin.Context, s *core.Session) {
	_ = s.Logout()
	c.Redirect(http.StatusSeeOther, "/")
}
