package main

import (
	"log"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

const visits core.Key[int] = "visits" // typed keys are constants: a wrong type does not compile

func main() {
	store, err := filestore.New("./sessions", filestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	r := gin.Default()
	r.Use(ginsession.New(m))
	r.GET("/", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 }) // two tabs count to two; an error fails the request
		c.String(200, "visit %d\n", visits.GetOr(s, 0))        // saved, and the cookie set, before the first byte leaves
	}))
	log.Fatal(r.Run()) // on :8080, or on :$PORT
}
