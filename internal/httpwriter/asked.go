package httpwriter

import (
	"net/http"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Asked returns what a core.Challenge of a sign-in that may have this age depends on. It takes the target as the client sent it, since http.StripPrefix and
// routers change r.URL.
func Asked(r *http.Request, maxAge time.Duration) core.Asked {
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") { // a proxy's request, or one that a test made for the client's side
		target = r.URL.RequestURI()
	}
	return core.Asked{Method: r.Method, Target: target, Host: r.Host, Header: r.Header.Get, MaxAge: maxAge}
}
