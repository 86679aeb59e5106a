package shop

import (
	"embed"
	"html/template"
	"io"
	"log"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
)

// Page is the data of the templates.
type Page struct {
	Framework string
	User      string // "" while nobody is signed in
	Visits    int
	Cart      Items
	Flashes   []core.Flash

	Devices []Device // for devices.html
	NoList  bool     // the store cannot list them
}

// Products returns what is on sale, for the templates.
func (Page) Products() []Product { return Products }

// Users returns the demo's accounts, for the templates.
func (Page) Users() []User { return Users }

//go:embed templates
var files embed.FS

// Templates are the pages, by file name.
var Templates = template.Must(template.ParseFS(files, "templates/*.html"))

// CSS is the style sheet of all pages.
//
//go:embed style.css
var CSS []byte

// Render writes a page, for frameworks that do not render templates themselves.
func Render(w http.ResponseWriter, name string, page Page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := Templates.ExecuteTemplate(w, name, page); err != nil {
		log.Print(err) // usually the client has gone
	}
}

// Views implements fiber.Views with the same templates.
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
