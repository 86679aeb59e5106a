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
	Title     string // of the browser's tab
	User      string // "" while nobody is signed in
	Visits    int
	Cart      Items
	Flashes   []core.Flash

	Name, Next string // for signin.html: what was typed, and where to go after the sign-in

	Problem Problem // for error.html

	Devices []Device // for devices.html
	NoList  bool     // the store cannot list them

	Live string // where live.html gets its news; "": the shop has no such page
}

// Problem is what error.html says.
type Problem struct {
	Status         int
	Title, Text    string
	Action, Target string // of the button
}

var (
	notFound = Problem{
		http.StatusNotFound, "There is nothing on this hook",
		"The page that you asked for is not here, or not any more.", "To the shelves", "/",
	}
	signedOut = Problem{
		http.StatusConflict, "You were signed out",
		"Another tab or device has ended this session, so what you did last was not stored. If you have signed in again there, go on from the shelves.",
		"To the shelves", "/",
	}
	closed = Problem{
		http.StatusServiceUnavailable, "The cloakroom is closed for a moment",
		"We cannot reach your session just now, so what you did last may not be stored. Try again in a few seconds.",
		"Try again", "/",
	}
)

// ErrorPage is the page for a status of 400 and more. It needs no session, so it can be shown when there is none.
func ErrorPage(framework string, status int) Page {
	p := Problem{status, "That did not work", http.StatusText(status) + ".", "To the shelves", "/"}
	switch status {
	case http.StatusNotFound:
		p = notFound
	case http.StatusConflict:
		p = signedOut
	case http.StatusServiceUnavailable:
		p = closed
	}
	return Page{Framework: framework, Title: p.Title, Problem: p}
}

// Titles are the titles of the pages, by file name.
var Titles = map[string]string{"home.html": "Shelves", "cart.html": "Your cart", "signin.html": "Sign in", "devices.html": "My devices", "live.html": "Live"}

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
func Render(w http.ResponseWriter, status int, name string, page Page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
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
