package sessionadmin

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/coatcheck-go/coatcheck/core"
)

//go:embed page.html
var files embed.FS

//go:embed style.css
var style []byte

var pages = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"bytes":  size,
	"charts": charts,
	"cut":    cut,
	"long":   func(text string) string { return clean(text, 4000) },
	"number": func(n int) string { return number(int64(n)) },
	"query":  func(t Target) template.URL { return template.URL(t.query()) },
	"short":  shortID,
	"time":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"field":  func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") },
	"total":  number,
	"user":   func(name string) Target { return Target{User: name} },
	"others": func(s Session) Target { return Target{User: s.User, Except: s.ID} },
	"one":    func(s Session) Target { return Target{ID: s.ID} },
	"what":   what,
	"add":    func(a, b int) int { return a + b },
}).ParseFS(files, "page.html"))

// view is what the template gets.
type view struct {
	Title    string
	Kind     string // of Body: the name of its type
	Body     any
	Who      string
	ReadOnly bool
	Search   Target // what the search fields hold
}

// write sends an answer, as JSON if the client asks for that and not for a page.
func (h *handler) write(w http.ResponseWriter, r request, a answer) {
	if a.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", core.RetryAfter(core.ErrUnavailable))
	}
	var b bytes.Buffer
	var err error
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html") {
		w.Header().Set("Content-Type", "application/json")
		err = json.NewEncoder(&b).Encode(a.body)
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		kind := strings.TrimPrefix(fmt.Sprintf("%T", a.body), "sessionadmin.")
		v := view{Title: a.title, Kind: kind, Body: a.body, Who: r.who, ReadOnly: h.ReadOnly}
		if l, ok := a.body.(List); ok {
			v.Search = l.Target
		}
		err = pages.Execute(&b, v)
	}
	if err != nil {
		h.logger().ErrorContext(r.Context(), "sessionadmin: page not made", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(b.Bytes())
}

// cut makes a line of a page out of a text that somebody else has chosen.
func cut(text string) string { return clean(text, 60) }

// clean cuts a text after so many characters. What would change the order or look of the text around it becomes a mark.
func clean(text string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > most {
			return b.String() + "…"
		}
		if !unicode.IsPrint(r) && r != '\n' {
			r = '\uFFFD'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// shortID is the part of an ID that stands in logs, too.
func shortID(id core.ID) string { return id.String()[:16] }

func size(n int) string {
	if n < 10_000 {
		return number(int64(n)) + " B"
	}
	return number(int64(n+512)/1024) + " KiB"
}

// what says in words which sessions an action ends.
func what(action string, t Target) string {
	switch action {
	case "revoke":
		return "The session " + shortID(t.ID)
	case "revoke_user":
		return "All sessions of " + cut(t.User)
	case "revoke_others":
		return "All sessions of " + cut(t.User) + " except " + shortID(t.Except)
	case "revoke_user_before":
		return "The sessions of " + cut(t.User) + " that began before " + t.Before.Format("2006-01-02 15:04:05") + " UTC"
	}
	return "The sessions of all users and visitors that began before " + t.Before.Format("2006-01-02 15:04:05") + " UTC"
}
