// Command before is a small application on gin-contrib/sessions, with its sessions in Redis.
package main

import (
	"cmp"
	"encoding/gob"
	"log"
	"net/http"
	"os"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
)

// Cart is what a visitor has chosen.
type Cart struct{ Items []string }

func main() {
	gob.Register(Cart{})
	address := cmp.Or(os.Getenv("REDIS"), "127.0.0.1:6379")
	store, err := redis.NewStore(10, "tcp", address, "", "", []byte(os.Getenv("SESSION_SECRET")))
	if err != nil {
		log.Fatal(err)
	}
	r := gin.Default()
	r.Use(sessions.Sessions("session", store))
	r.GET("/", home)
	r.GET("/me", me)
	r.POST("/add", add)
	r.POST("/sign-in", signIn)
	r.POST("/sign-out", signOut)
	log.Fatal(r.Run(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8080")))
}

func home(c *gin.Context) {
	s := sessions.Default(c)
	n, _ := s.Get("visits").(int)
	user, _ := s.Get("user").(string)
	cart, _ := s.Get("cart").(Cart)
	messages := s.Flashes()
	s.Set("visits", n+1)
	if save(c, s) {
		c.String(http.StatusOK, "visit %d of %q, cart %v, messages %v\n", n+1, user, cart.Items, messages)
	}
}

func me(c *gin.Context) {
	user, _ := sessions.Default(c).Get("user").(string)
	c.String(http.StatusOK, "you are %q\n", user)
}

func add(c *gin.Context) {
	s := sessions.Default(c)
	cart, _ := s.Get("cart").(Cart)
	s.Set("cart", Cart{append(cart.Items, c.PostForm("item"))})
	if save(c, s) {
		c.Redirect(http.StatusSeeOther, "/")
	}
}

func signIn(c *gin.Context) { // a real one asks for a password
	s, name := sessions.Default(c), c.PostForm("name")
	s.Set("user", name)
	s.AddFlash("Welcome, " + name)
	if save(c, s) {
		c.Redirect(http.StatusSeeOther, "/")
	}
}

func signOut(c *gin.Context) {
	s := sessions.Default(c)
	s.Clear()
	s.Options(sessions.Options{Path: "/", MaxAge: -1})
	if save(c, s) {
		c.Redirect(http.StatusSeeOther, "/")
	}
}

func save(c *gin.Context, s sessions.Session) bool {
	err := s.Save()
	if err != nil {
		_ = c.AbortWithError(http.StatusInternalServerError, err)
	}
	return err == nil
}
