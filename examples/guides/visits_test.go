package guides_test

import (
	"fmt"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

const visits core.Key[int] = "visits"

// The smallest application: it counts a browser's visits.
func Example_visits() {
	m := memory(core.Config{})
	defer m.Close()
	page := httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprintf(w, "visit %d", visits.GetOr(s, 0))
	})
	site := serve(httpsession.New(m)(page))
	defer site.Close()

	alice, bob := site.browser(), site.browser()
	fmt.Println(alice.get("/"))
	fmt.Println(alice.get("/"))
	fmt.Println(bob.get("/"), "with", len(bob.cookie("__Host-session")) > 20)
	// Output:
	// 200 visit 1
	// 200 visit 2
	// 200 visit 1 with true
}
