package shop

import (
	"embed"
	"html/template"
	"io"
	"log"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
)

// Page is what the templates are given.
type Page struct {
	Framework string
	User      string // "" while nobody is signed in
	Visits    int
	Cart      Items
	Flashes   []core.Flash

	Devices []Device // devices.html only
	NoList  bool     // the store cannot find them
}

// Products is for the templates.
func (Page) Products() []Product { return Products }

// Users is for the templates.
func (Page) Users() []User { return Users }

//go:embed templates
var files embed.FS

// Templates are the pages, by file name.
var Templates = template.Must(template.ParseFS(files, "templates/*.html"))

// CSS is the style sheet of all pages.
//
//go:embed style.css
var CSS []byte

// Render writes a page, for frameworks without an idea of their own of how to do that.
func Render(w http.ResponseWriter, name string, page Page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := Templates.ExecuteTemplate(w, name, page); err != nil {
		log.Print(err) // the client has gone, as a rule
	}
}

// Views is Render for Fiber.
type Views struct{}

// Load implements fiber.Views: the templates are loaded already.
func (Views) Load() error { return nil }

// Render implements fiber.Views.
func (Views) Render(w io.Writer, name string, page any, _ ...string) error {
	return Templates.ExecuteTemplate(w, name, page)
}

// ServeCSS serves CSS.
func ServeCSS(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(CSS)
}
