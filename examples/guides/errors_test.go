package guides_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

const credit core.Key[int] = "credit"

var errTooLittle = errors.New("too little credit")

// A value, and an Update that may refuse.
func Example_refusedUpdate() {
	m := memory(core.Config{})
	defer m.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/fill", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = credit.Set(s, 5)
	}))
	mux.HandleFunc("/spend", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		err := credit.TryUpdate(s, func(have int) (int, error) {
			if have < 3 {
				return 0, errTooLittle
			}
			return have - 3, nil
		})
		if errors.Is(err, errTooLittle) {
			http.Error(w, err.Error(), http.StatusPaymentRequired)
			return
		}
		fmt.Fprintf(w, "%d left", credit.GetOr(s, 0))
	}))
	site := serve(httpsession.New(m)(mux))
	defer site.Close()

	b := site.browser()
	b.get("/fill")
	fmt.Println(b.get("/spend"))
	fmt.Println(b.get("/spend"))
	// Output:
	// 200 2 left
	// 402 too little credit
}

// A change that meets the end of its session is answered by the error handler.
func Example_anotherTab() {
	gin.SetMode(gin.ReleaseMode)
	m := memory(core.Config{})
	defer m.Close()
	r := gin.New()
	r.Use(ginsession.New(m, ginsession.WithErrorHandler(func(c *gin.Context, err error) {
		if errors.Is(err, core.ErrEnded) && c.GetHeader("Sec-Fetch-Mode") == "navigate" { // in or out in another tab
			c.Header("Retry-After", "") // takes it away
			c.Redirect(http.StatusSeeOther, "/sign-in")
			return
		}
		c.String(core.HTTPStatus(err), "Sorry, that did not work.")
	})))
	r.GET("/enter", ginsession.Handle(func(c *gin.Context, s *core.Session) { _ = s.Login("alice") }))
	r.GET("/save", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_, _ = m.RevokeSubject(context.Background(), "alice") // another tab signs out everywhere, meanwhile
		_ = credit.Set(s, 100)
		c.String(http.StatusOK, "saved")
	}))
	site := serve(r)
	defer site.Close()

	b := site.browser()
	for _, mode := range []string{"navigate", "cors"} {
		fmt.Println(b.get("/enter"))
		fmt.Println(b.do("GET", "/save", "", "Sec-Fetch-Mode", mode))
	}
	// Output:
	// 200
	// 303 to /sign-in
	// 200
	// 409 Sorry, that did not work.
}
