package sessionadmin

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
)

// answer is what a page answers: a status, a template, and one of the types of json.go.
type answer struct {
	status int
	title  string
	body   any
}

// request is one request of an operator who may see the pages.
type request struct {
	*http.Request
	who string
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if x := h.Manager.Adapter().Exchange(r.Context()); x != nil {
		x.Passive()
	}
	who, ok := h.Authorize(r)
	if !ok {
		h.logger().DebugContext(r.Context(), "sessionadmin: request refused by Authorize", "who", cut(who), "method", r.Method)
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		return
	}
	h.route(w, request{r, who})
}

func secure(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	header.Set("Referrer-Policy", "same-origin") // with no-referrer, a browser hides the origin of our own forms, too
	header.Set("X-Content-Type-Options", "nosniff")
	header.Add("Vary", "Accept")
}

func (h *handler) route(w http.ResponseWriter, r request) {
	below := h.path(r.Request)
	if below == "" { // the slash is missing on which relative links depend
		w.Header().Set("Location", withSlash(r.Request))
		w.WriteHeader(http.StatusFound)
		return
	}
	serve := map[string]func(request) answer{
		"/": h.overview, "/sessions": h.sessions, "/session": h.session, "/revoke": h.revoke, "/style.css": nil,
	}
	page, known := serve[below]
	methods := []string{http.MethodGet, http.MethodHead}
	if below == "/revoke" {
		methods = append(methods, http.MethodPost)
	}
	switch {
	case !known:
		h.write(w, r, problem(http.StatusNotFound,
			"There is no page here. If it should be the overview, set Config.Prefix to the path under which the handler is mounted."))
	case !slices.Contains(methods, r.Method):
		w.Header().Set("Allow", strings.Join(methods, ", "))
		h.write(w, r, problem(http.StatusMethodNotAllowed, "This page answers "+strings.Join(methods, ", ")+"."))
	case page == nil:
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(style)
	default:
		h.write(w, r, page(r))
	}
}

// path is the path of a request below the prefix, whether that was stripped before or not. "" is the prefix itself.
func (h *handler) path(r *http.Request) string {
	return strings.TrimPrefix(r.URL.Path, h.Prefix)
}

// withSlash is where a path leads that lacks its last slash. It is relative to what the client has asked for, which
// http.StripPrefix does not change.
func withSlash(r *http.Request) string {
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		u = r.URL
	}
	return "./" + strings.Trim(path.Base(u.EscapedPath()), "/.") + "/"
}

func problem(status int, text string) answer {
	return answer{status, http.StatusText(status), Problem{status, text}}
}

// failed is the page for an error of the Manager. It does not show the error, which may hold addresses: the log does.
func (h *handler) failed(r request, err error) answer {
	switch {
	case errors.Is(err, core.ErrUnavailable):
		return problem(http.StatusServiceUnavailable,
			"The store ("+h.Manager.Info().Name+") does not answer. Nothing can be said about its sessions now. "+
				"Try again in a moment; the log says what is wrong.")
	case errors.Is(err, core.ErrConflict):
		return problem(http.StatusServiceUnavailable, "Users signed in again and again meanwhile. Do it once more.")
	case errors.Is(err, core.ErrNotFound):
		return problem(http.StatusNotFound,
			"No live session has this ID: it has expired or was ended, or it belongs to another application.")
	case errors.Is(err, errors.ErrUnsupported):
		return problem(http.StatusNotImplemented, h.unsupported())
	case errors.Is(err, core.ErrUnreadable):
		return problem(http.StatusServiceUnavailable,
			"This process cannot read the session: a newer release, another key or another codec wrote it. "+
				"It can be revoked by its ID.")
	case errors.Is(err, core.ErrCorrupt):
		return problem(http.StatusInternalServerError, "The record of this session is damaged. It can be revoked by its ID.")
	}
	h.logger().ErrorContext(r.Context(), "sessionadmin: request failed", "who", cut(r.who), "error", err)
	return problem(core.HTTPStatus(err), "This did not work. The log says why.")
}

// unsupported says what the store cannot do, and what to do instead.
func (h *handler) unsupported() string {
	name := h.Manager.Info().Name
	switch {
	case h.Manager.Info().NoRevocation:
		return "The store (" + name + ") keeps nothing on the server and was made with NoRevocation: sessions can be neither listed nor ended. " +
			"They end at their deadline, or all at once with another key."
	case h.can.Lister == nil && h.can.Indexer == nil:
		return "The store (" + name + ") keeps sessions with the clients, so it cannot list them or find one. " +
			"Those of a user can be revoked all the same, and one whose ID is known: take the ID from the log."
	case h.can.Lister == nil:
		return "The store (" + name + ") cannot list all sessions, or end them by their age. Choose a user."
	}
	return "The store (" + name + ") cannot do this."
}
