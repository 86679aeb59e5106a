package guides_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// formsNote is a text with the number of its version, which the form carries in a hidden field.
type formsNote struct {
	Text    string
	Version string
}

const formsNotes core.Key[formsNote] = "note"

var errFormsStale = errors.New("the note was changed in another tab")

func formsEdit(w http.ResponseWriter, r *http.Request, s *core.Session) {
	text, seen := r.PostFormValue("text"), r.PostFormValue("version")
	err := formsNotes.TryUpdate(s, func(n formsNote) (formsNote, error) {
		if n.Version != seen {
			return n, errFormsStale
		}
		return formsNote{Text: text, Version: seen + "+"}, nil
	})
	if errors.Is(err, errFormsStale) {
		http.Error(w, "The note was changed in another tab. Yours: "+text, http.StatusConflict)
		return
	}
	fmt.Fprint(w, "saved")
}

// Two tabs edit one note: the second one is told.
func Example_formsStale() {
	m := memory(core.Config{})
	defer m.Close()
	site := formsSite(m, map[string]func(http.ResponseWriter, *http.Request, *core.Session){"POST /note": formsEdit})
	defer site.Close()

	alice := site.browser()
	fmt.Println(alice.post("/note", "text=first&version="))
	fmt.Println(alice.post("/note", "text=second&version="))
	// Output:
	// 200 saved
	// 409 The note was changed in another tab. Yours: second
}

const formsText core.Key[string] = "text"

func formsKeep(w http.ResponseWriter, r *http.Request, s *core.Session) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10) // what the form may send at all
	if err := r.ParseForm(); err != nil {           // PostFormValue would ignore it, and return ""
		http.Error(w, "the form is too large, or broken", http.StatusRequestEntityTooLarge)
		return
	}
	_ = formsText.Set(s, r.PostFormValue("text"))
	if err := s.Save(r.Context()); errors.Is(err, core.ErrTooLarge) { // what the session may hold
		http.Error(w, "please shorten your text", http.StatusRequestEntityTooLarge)
		return
	}
	fmt.Fprint(w, "kept")
}

// A session has a limit. What is over it is not stored, and what was there stays.
func Example_formsTooLarge() {
	m := memory(core.Config{MaxSize: 1000})
	defer m.Close()
	site := formsSite(m, map[string]func(http.ResponseWriter, *http.Request, *core.Session){
		"POST /text": formsKeep,
		"GET /text":  func(w http.ResponseWriter, _ *http.Request, s *core.Session) { fmt.Fprint(w, formsText.GetOr(s, "")) },
	})
	defer site.Close()

	alice := site.browser()
	fmt.Println(alice.post("/text", "text=short"))
	fmt.Println(alice.post("/text", "text="+strings.Repeat("long", 300)))
	fmt.Println(alice.post("/text", "text="+strings.Repeat("long", 17<<10)))
	fmt.Println(alice.get("/text"))
	// Output:
	// 200 kept
	// 413 please shorten your text
	// 413 the form is too large, or broken
	// 200 short
}

// formsUpload takes a file that may take minutes.
func formsUpload(w http.ResponseWriter, r *http.Request, s *core.Session) {
	file, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<30)) // in real life, into a temporary file
	if err != nil {
		http.Error(w, "the upload has ended early", http.StatusBadRequest)
		return
	}
	if err := s.Save(r.Context()); err != nil { // without a change, it asks whether the session is still there
		http.Error(w, "Sign in again: the file was not kept.", core.HTTPStatus(err))
		return
	}
	fmt.Fprintf(w, "kept %d bytes of %s", len(file), s.Subject())
}

// An upload is under way while its user signs out in another tab. A minute later it ends.
func Example_formsUpload() {
	clock := sessiontest.NewClock()
	store, _ := memstore.New(memstore.Config{Now: clock.Now})
	m := memory(core.Config{Store: store, Now: clock.Now, LoginURL: "/sign-in"})
	defer m.Close()
	begun := make(chan bool)
	mux := http.NewServeMux()
	mux.Handle("POST /sign-in", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = s.Login("alice") }))
	mux.Handle("POST /sign-out", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = s.Logout() }))
	mux.Handle("POST /upload", httpsession.RequireLogin(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		begun <- true
		formsUpload(w, r, s)
	})))
	site := serve(httpsession.New(m)(mux))
	defer site.Close()

	alice := site.browser()
	alice.post("/sign-in", "")
	upload := func(meanwhile func()) string {
		body, rest := io.Pipe()
		answer := make(chan string)
		go func() {
			res, err := alice.client.Post(site.URL+"/upload", "application/octet-stream", body)
			if err != nil {
				answer <- err.Error()
				return
			}
			defer res.Body.Close()
			text, _ := io.ReadAll(res.Body)
			answer <- fmt.Sprint(res.StatusCode, " ", strings.TrimSpace(string(text)))
		}()
		<-begun
		meanwhile()
		_, _ = rest.Write([]byte("picture"))
		_ = rest.Close()
		return <-answer
	}
	fmt.Println(upload(func() { clock.Advance(time.Minute) }))
	fmt.Println(upload(func() { alice.post("/sign-out", ""); clock.Advance(time.Minute) }))
	// Output:
	// 200 kept 7 bytes of alice
	// 409 Sign in again: the file was not kept.
}

// What a status stores.
func Example_formsStatus() {
	m := memory(core.Config{})
	defer m.Close()
	var key core.Key[string] = "status"
	mux := http.NewServeMux()
	mux.Handle("POST /set", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		var status int
		fmt.Sscan(r.PostFormValue("status"), &status)
		_ = key.Set(s, r.PostFormValue("status"))
		if r.PostFormValue("error") != "" {
			_ = core.Key[any]("any").Set(s, 1) // an error, which the handler ignores
		}
		w.WriteHeader(status)
	}))
	mux.Handle("GET /get", httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		fmt.Fprint(w, key.GetOr(s, "nothing"))
	}))
	quiet := httpsession.WithErrorHandler(func(w http.ResponseWriter, _ *http.Request, err error) { w.WriteHeader(core.HTTPStatus(err)) })
	site := serve(httpsession.New(m, quiet)(mux))
	defer site.Close()
	for _, form := range []string{"status=200", "status=303", "status=422", "status=408", "status=500", "status=200&error=1", "status=400&error=1"} {
		b := site.browser()
		fmt.Println(form, "→", b.post("/set", form), "and stored:", b.get("/get"))
	}
	// Output:
	// status=200 → 200 and stored: 200 200
	// status=303 → 303 and stored: 200 303
	// status=422 → 422 and stored: 200 422
	// status=408 → 408 and stored: 200 nothing
	// status=500 → 500 and stored: 200 nothing
	// status=200&error=1 → 500 and stored: 200 nothing
	// status=400&error=1 → 400 and stored: 200 nothing
}
