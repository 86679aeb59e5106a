// Package sessionadmin is a page for operators: whose sessions these are, how the store is doing, and buttons that end
// sessions. It is an http.Handler without JavaScript, and gives programs the same as JSON.
//
//	stats := sessionadmin.NewStats()
//	m, err := core.New(core.Config{Store: store, Observer: stats.Observe})
//	admin, err := sessionadmin.New(sessionadmin.Config{
//		Manager: m, Stats: stats, Prefix: "/admin/sessions",
//		Authorize: func(r *http.Request) (who string, ok bool) {
//			s, err := httpsession.Get(r)
//			return s.Subject(), err == nil && isAdmin(s.Subject())
//		},
//	})
//	mux.Handle("/admin/sessions/", admin)
//
// With another Observer beside it, give Config core.Observers(stats.Observe, yours). Only what this process has observed
// is counted: behind a load balancer, each process has an overview of its own. Lists and buttons reach the whole store.
//
// # Mounting
//
// Mount the handler with Config.Prefix under all paths that begin with the prefix. Links are relative, so a proxy may
// change the front of the path. Behind http.StripPrefix, leave Prefix unset.
//
//	mux.Handle("/admin/", h)                   // net/http, with Prefix: "/admin"
//	r.Mount("/admin", h)                       // chi
//	r.Any("/admin/*page", gin.WrapH(h))        // Gin
//	e.Any("/admin*", echo.WrapHandler(h))      // Echo
//	app.Use("/admin", adaptor.HTTPHandler(h))  // Fiber
//
// Authorize is called for each request, also for the stylesheet. If it reads the session, mount the handler inside the
// session middleware: Manager.FromContext(r.Context()) finds the session behind each of these. Behind RequireLogin,
// visitors come to the sign-in, and not to a 403; the shops in examples show it.
//
// The handler's requests are passive: neither looking at pages nor ending sessions counts as use of the operator's own
// session. If operators sign in to another Manager, only its middleware can do that:
//
//	httpsession.New(operators, httpsession.WithPassive(func(r *http.Request) bool {
//		return strings.HasPrefix(r.URL.Path, "/admin/sessions")
//	}))
//
// # Security
//
// Every response has Cache-Control: no-store and a Content-Security-Policy without scripts and frames. A POST from
// another origin is refused by http.CrossOriginProtection. Whatever ends sessions has a preview before it. Each action
// is a line of the log at level INFO, also if it was refused or failed: who, action, outcome, whose sessions, how many.
// No page and no line holds a token. Values are hidden, unless Config.Format shows them.
//
// # JSON
//
// A request with "Accept: application/json" gets the same as JSON. The pages and what they answer:
//
//	GET  .                                 Overview
//	GET  sessions?user=&before=&page=      List
//	GET  session?id=                       Session
//	GET  revoke?...                        Preview, of what the POST would end
//	POST revoke?id=                        Result
//	POST revoke?user=                      Result; with except=, the ID of a session that stays; with before=, those that
//	                                       began before
//	POST revoke?before=                    Result, of the sessions of all users and visitors
//
// before is a time such as 2026-01-02T15:04:05Z, without a zone in UTC, or "now". What else a query holds, or holds
// twice, is an error, and nothing is done. The answer with any other status than 200 is a Problem, or a Result whose
// Note says what went wrong. Only the 403 of Authorize is plain text.
//
// An action goes on when its client has gone. To end a million sessions may take longer than http.Server.WriteTimeout:
// the client then gets no answer, and the log has the line when it is done.
//
// The guide is docs/operations.md.
package sessionadmin

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Config is every setting of New. Manager and Authorize are required.
type Config struct {
	// Manager is whose sessions are shown. Required.
	Manager *core.Manager

	// Authorize decides who may see the pages and use the buttons. who is the operator's name, for the log. Not ok is
	// a 403. If another handler in front of this one decides, say so with [WrappedBy]. Required.
	Authorize func(r *http.Request) (who string, ok bool)

	// Stats is what Config.Observer of the Manager fills. Default: nil; the overview then has no numbers of requests.
	Stats *Stats

	// Prefix is the path under which the handler is mounted, "/admin/sessions". Default: "", for the root of a server
	// and behind http.StripPrefix.
	Prefix string

	// Format makes text out of an encoded value, for the page of one session: shorten it, leave out what operators
	// must not see. Default: nil, values are hidden. Keys and sizes are always shown.
	Format func(key string, raw []byte) string

	// ReadOnly takes away the buttons and refuses what they do. Default: false.
	ReadOnly bool

	// Logger gets the line of each action. Default: slog.Default.
	Logger *slog.Logger
}

// WrappedBy is an Authorize for a handler that the application wraps itself: whoever gets through may do all. by says
// what wraps it, such as "basic auth of /admin", and stands in the log in place of the operator's name.
func WrappedBy(by string) func(*http.Request) (who string, ok bool) {
	return func(*http.Request) (string, bool) { return by, true }
}

type handler struct {
	Config
	can    driver.Abilities
	now    func() time.Time
	origin *http.CrossOriginProtection
}

// New checks cfg and returns the handler. The error names the field that is wrong.
func New(cfg Config) (http.Handler, error) {
	if cfg.Manager == nil {
		return nil, errors.New("sessionadmin: Config.Manager is not set: give it the core.Manager whose sessions are shown")
	}
	if cfg.Authorize == nil {
		return nil, errors.New("sessionadmin: Config.Authorize is not set, so anybody could end all sessions: " +
			"give it a function that says who may, or WrappedBy if another handler decides")
	}
	cfg.Prefix = strings.TrimSuffix(cfg.Prefix, "/")
	if cfg.Prefix != "" && (cfg.Prefix[0] != '/' || path.Clean(cfg.Prefix) != cfg.Prefix) {
		return nil, fmt.Errorf("sessionadmin: Config.Prefix is %q, want a path that begins with /, such as /admin/sessions", cfg.Prefix)
	}
	settings := cfg.Manager.Config()
	return &handler{
		Config: cfg, can: driver.AbilitiesOf(settings.Store), now: settings.Now, origin: http.NewCrossOriginProtection(),
	}, nil
}

// logger is Config.Logger, or the default of the moment.
func (h *handler) logger() *slog.Logger {
	if h.Logger != nil {
		return h.Logger
	}
	return slog.Default()
}
