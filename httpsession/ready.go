package httpsession

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// readyTime is less than the second that probes wait by default (Kubernetes: timeoutSeconds).
const readyTime = 900 * time.Millisecond

// Ready returns a handler for readiness probes, which asks the store of m whether it answers, for at most 900 ms:
//
//   - 200 "ready": it does;
//   - 200 "degraded": it does, and a part of it, such as the cache, gets no calls for now (Manager.Breakers): requests are
//     right, and slower;
//   - 503 "unavailable": it does not. m's log says why.
//
// It works in every framework, and needs no session middleware:
//
//	mux.Handle("/readyz", httpsession.Ready(m))                    // net/http and chi
//	r.GET("/readyz", gin.WrapH(httpsession.Ready(m)))              // Gin
//	e.GET("/readyz", echo.WrapHandler(httpsession.Ready(m)))       // Echo
//	app.Get("/readyz", adaptor.HTTPHandler(httpsession.Ready(m)))  // Fiber
//
// Do not use it for liveness: to restart all servers in an outage of the store helps nobody.
func Ready(m *core.Manager) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTime)
		defer cancel()
		status, text := http.StatusOK, "ready\n"
		if err := m.Ping(ctx); err != nil {
			status, text = http.StatusServiceUnavailable, "unavailable\n"
		} else if degraded(m) {
			text = "degraded\n"
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text) // a client that has gone needs no answer
	})
}

func degraded(m *core.Manager) bool {
	for _, open := range m.Breakers() {
		if open {
			return true
		}
	}
	return false
}
