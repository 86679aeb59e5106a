package guides_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

// formsSite serves pages by their pattern, each with its session.
func formsSite(m *core.Manager, pages map[string]func(http.ResponseWriter, *http.Request, *core.Session)) site {
	mux := http.NewServeMux()
	for pattern, page := range pages {
		mux.Handle(pattern, httpsession.Handle(page))
	}
	return serve(httpsession.New(m, httpsession.WithErrorHandler(formsFail))(mux))
}

func formsAdd(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = s.AddFlash("success", r.PostFormValue("item")+" is in your cart.")
	http.Redirect(w, r, "/cart", http.StatusSeeOther) // a reload repeats the GET, and not the POST
}

func formsCart(w http.ResponseWriter, r *http.Request, s *core.Session) {
	messages, err := s.Flashes(r.Context()) // ask last, when the page is sure
	if err != nil {
		http.Error(w, http.StatusText(core.HTTPStatus(err)), core.HTTPStatus(err))
		return
	}
	fmt.Fprintf(w, "cart %v", messages)
}

// Post, redirect, get: the message is shown once.
func Example_formsMessage() {
	m := memory(core.Config{})
	defer m.Close()
	site := formsSite(m, map[string]func(http.ResponseWriter, *http.Request, *core.Session){
		"POST /cart": formsAdd,
		"GET /cart":  formsCart,
		"GET /bell": func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			waiting, _ := s.PeekFlashes() // leaves them for the page
			fmt.Fprintf(w, "%d waiting", len(waiting))
		},
	})
	defer site.Close()

	alice := site.browser()
	fmt.Println(alice.post("/cart", "item=Hat"))
	fmt.Println(alice.get("/bell"))
	fmt.Println(alice.get("/cart"))
	fmt.Println(alice.get("/cart"))

	// Ten tabs at once: each message goes to one of them.
	for range 3 {
		alice.post("/cart", "item=Coat")
	}
	answers := make(chan string)
	for range 10 {
		go func() { answers <- alice.get("/cart") }()
	}
	shown := 0
	for range 10 {
		shown += strings.Count(<-answers, "Coat")
	}
	fmt.Println(shown, "messages in ten tabs")
	// Output:
	// 303 to /cart
	// 200 1 waiting
	// 200 cart [{success Hat is in your cart.}]
	// 200 cart []
	// 3 messages in ten tabs
}

// formsRejected is a form that was refused, for the page that shows it again. It has no passwords.
type formsRejected struct {
	Values map[string]string
	Errors map[string]string
}

const formsAddress core.Key[formsRejected] = "form/address"

func formsSave(w http.ResponseWriter, r *http.Request, s *core.Session) {
	street, zip := r.PostFormValue("street"), r.PostFormValue("zip")
	if len(street) > 200 || len(zip) > 20 {
		http.Error(w, "that is too long", http.StatusRequestEntityTooLarge) // not worth keeping
		return
	}
	if zip == "" {
		_ = formsAddress.Set(s, formsRejected{
			Values: map[string]string{"street": street},
			Errors: map[string]string{"zip": "is missing"},
		})
		http.Redirect(w, r, "/address", http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func formsForm(w http.ResponseWriter, r *http.Request, s *core.Session) {
	form, err := formsAddress.Pop(s)
	if err != nil && !errors.Is(err, core.ErrNoValue) {
		http.Error(w, "the form cannot be read", http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "street=%q, zip %s", form.Values["street"], form.Errors["zip"])
}

// What was typed survives the redirect, once.
func Example_formsValues() {
	m := memory(core.Config{})
	defer m.Close()
	site := formsSite(m, map[string]func(http.ResponseWriter, *http.Request, *core.Session){
		"POST /address": formsSave,
		"GET /address":  formsForm,
	})
	defer site.Close()

	alice := site.browser()
	fmt.Println(alice.post("/address", "street=Main+St+1"))
	fmt.Println(alice.get("/address"))
	fmt.Println(alice.get("/address"))
	// Output:
	// 303 to /address
	// 200 street="Main St 1", zip is missing
	// 200 street="", zip
}

// formsOrder is what a wizard has gathered so far. The steps share one value, since they belong together.
type formsOrder struct {
	Street, Card string
	Placed       bool
}

const formsWizard core.Key[formsOrder] = "order"

var (
	errFormsIncomplete = errors.New("a step is missing")
	errFormsPlaced     = errors.New("placed already")
)

func formsStreet(w http.ResponseWriter, r *http.Request, s *core.Session) {
	street := r.PostFormValue("street") // not within the function: it may run again
	_ = formsWizard.Update(s, func(o formsOrder) formsOrder { o.Street = street; return o })
	http.Redirect(w, r, "/order/card", http.StatusSeeOther)
}

// formsPlace places the order, once, however often the button is pressed.
func formsPlace(w http.ResponseWriter, r *http.Request, s *core.Session) {
	var order formsOrder
	err := formsWizard.TryUpdate(s, func(o formsOrder) (formsOrder, error) {
		switch {
		case o.Placed:
			return o, errFormsPlaced
		case o.Street == "" || o.Card == "":
			return o, errFormsIncomplete
		}
		order, o.Placed = o, true
		return o, nil
	})
	if err == nil {
		err = s.Save(r.Context()) // stored, or refused because another request was faster
	}
	switch {
	case errors.Is(err, core.ErrRefused): // formsFail answers: to redirect here would be to ignore the error
	case errors.Is(err, errFormsPlaced):
		http.Redirect(w, r, "/order/done", http.StatusSeeOther)
	case errors.Is(err, errFormsIncomplete):
		http.Redirect(w, r, "/order/street", http.StatusSeeOther)
	case err != nil:
		http.Error(w, http.StatusText(core.HTTPStatus(err)), core.HTTPStatus(err))
	default:
		formsShip(order)
		http.Redirect(w, r, "/order/done", http.StatusSeeOther)
	}
}

// formsFail answers requests whose session could not be stored.
func formsFail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errFormsPlaced) { // by the first of two clicks
		http.Redirect(w, r, "/order/done", http.StatusSeeOther)
		return
	}
	http.Error(w, http.StatusText(core.HTTPStatus(err)), core.HTTPStatus(err))
}

var formsShipped = make(chan formsOrder, 10)

func formsShip(o formsOrder) { formsShipped <- o }

// A wizard, and a button that is pressed ten times at once.
func Example_formsWizard() {
	m := memory(core.Config{})
	defer m.Close()
	var loaded sync.WaitGroup // all ten have the session before one of them goes on
	loaded.Add(10)
	site := formsSite(m, map[string]func(http.ResponseWriter, *http.Request, *core.Session){
		"POST /order/street": formsStreet,
		"POST /order/card": func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			card := r.PostFormValue("card")
			_ = formsWizard.Update(s, func(o formsOrder) formsOrder { o.Card = card; return o })
			http.Redirect(w, r, "/order/check", http.StatusSeeOther)
		},
		"POST /order": formsPlace,
		"POST /order/pressed": func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			loaded.Done()
			loaded.Wait()
			formsPlace(w, r, s)
		},
	})
	defer site.Close()

	alice := site.browser()
	fmt.Println(alice.post("/order/street", "street=Main+St+1"))
	fmt.Println(alice.post("/order", ""))
	fmt.Println(alice.post("/order/card", "card=visa"))

	answers := make(chan string)
	for range 10 {
		go func() { answers <- alice.post("/order/pressed", "") }()
	}
	for range 10 {
		if answer := <-answers; answer != "303 to /order/done" {
			fmt.Println(answer)
		}
	}
	fmt.Println(len(formsShipped), "order:", <-formsShipped)
	// Output:
	// 303 to /order/card
	// 303 to /order/street
	// 303 to /order/check
	// 1 order: {Main St 1 visa false}
}
