package guides_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// valuesRelease is a release of an application, with one page. All releases share the store.
func valuesRelease(store driver.Backend, page func(w io.Writer, r *http.Request, s *core.Session)) site {
	return valuesCodec(store, nil, page)
}

func valuesCodec(store driver.Backend, codec core.Codec, page func(w io.Writer, r *http.Request, s *core.Session), others ...core.Codec) site {
	m := memory(core.Config{Store: store, Codec: codec, OtherCodecs: others, SweepInterval: -1, Logger: slog.New(slog.DiscardHandler)})
	return serve(httpsession.New(m)(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) { page(w, r, s) })))
}

// A field is new, another has gone, a third has another name.
func Example_valuesFields() {
	store, _ := memstore.New(memstore.Config{})
	type oldCart struct {
		Items    []string
		Note     string
		Discount int
	}
	type newCart struct {
		Items    []string
		Coupon   string // new
		Comments string `json:"Note"` // only the name in Go is new
		Percent  int    // was Discount: a new name in JSON, and so another field
	}
	const before core.Key[oldCart] = "cart"
	const after core.Key[newCart] = "cart"
	first := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) {
		if r.Method == "POST" {
			_ = before.Update(s, func(c oldCart) oldCart {
				return oldCart{append(c.Items, "coat"), "please wrap", 10}
			})
		}
		fmt.Fprintf(w, "%+v", before.GetOr(s, oldCart{}))
	})
	second := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) {
		if r.Method == "POST" {
			_ = after.Update(s, func(c newCart) newCart {
				c.Coupon = "FREE"
				return c
			})
		}
		fmt.Fprintf(w, "%+v", after.GetOr(s, newCart{}))
	})
	b := first.browser()
	fmt.Println("old writes:", b.post("/", ""))
	b.site = second
	fmt.Println("new reads: ", b.get("/"))
	fmt.Println("new writes:", b.post("/", ""))
	b.site = first
	fmt.Println("old reads: ", b.get("/"))
	fmt.Println("old writes:", b.post("/", ""))
	b.site = second
	fmt.Println("new reads: ", b.get("/"))
	// Output:
	// old writes: 200 {Items:[coat] Note:please wrap Discount:10}
	// new reads:  200 {Items:[coat] Coupon: Comments:please wrap Percent:0}
	// new writes: 200 {Items:[coat] Coupon:FREE Comments:please wrap Percent:0}
	// old reads:  200 {Items:[coat] Note:please wrap Discount:0}
	// old writes: 200 {Items:[coat coat] Note:please wrap Discount:10}
	// new reads:  200 {Items:[coat coat] Coupon: Comments:please wrap Percent:0}
}

// The type is another one: a number of cents was stored, and the new release wants an amount with a currency.
func Example_valuesOtherType() {
	store, _ := memstore.New(memstore.Config{})
	const cents core.Key[int] = "credit"
	type amount struct {
		Cents    int
		Currency string
	}
	const credit core.Key[amount] = "credit"
	first := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) { _ = cents.Set(s, 1250) })
	second := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) {
		switch r.URL.Path {
		case "/get":
			_, err := credit.Get(s)
			var wrong *core.ValueError
			fmt.Fprintln(w, errors.As(err, &wrong), err)
		case "/or":
			fmt.Fprintf(w, "%+v", credit.GetOr(s, amount{0, "EUR"}))
		case "/update":
			_ = credit.Update(s, func(a amount) amount { return amount{a.Cents + 1, a.Currency} })
		case "/try":
			_ = credit.TryUpdate(s, func(a amount) (amount, error) { return a, nil })
		case "/pop":
			_, _ = credit.Pop(s)
		case "/delete":
			_ = credit.Delete(s)
			_, err := credit.Get(s)
			fmt.Fprint(w, err)
		case "/set":
			_ = credit.Update(s, func(a amount) amount { return a }) // fails
			_ = credit.Set(s, amount{100, "EUR"})                    // and this mends it
			fmt.Fprintf(w, "%+v", credit.GetOr(s, amount{}))
		case "/other":
			_ = visits.Update(s, func(n int) int { return n + 1 })
			fmt.Fprint(w, "visit ", visits.GetOr(s, 0))
		}
	})
	b := first.browser()
	b.get("/")
	b.site = second
	for _, path := range []string{"/get", "/or", "/other", "/update", "/try", "/pop", "/get", "/set", "/delete"} {
		fmt.Println(path, b.get(path))
	}
	// Output:
	// /get 200 true coatcheck: decode key "credit" as guides_test.amount: *json.UnmarshalTypeError
	// /or 200 {Cents:0 Currency:EUR}
	// /other 200 visit 1
	// /update 500 Internal Server Error
	// /try 500 Internal Server Error
	// /pop 500 Internal Server Error
	// /get 200 true coatcheck: decode key "credit" as guides_test.amount: *json.UnmarshalTypeError
	// /set 200 {Cents:100 Currency:EUR}
	// /delete 200 coatcheck: no value under this key
}

// An old server that writes keeps what it does not know, if that has a key of its own.
func Example_valuesOwnKey() {
	store, _ := memstore.New(memstore.Config{})
	const cart core.Key[[]string] = "cart"
	const coupon core.Key[string] = "coupon" // beside "cart", and not a field of it
	add := func(s *core.Session) {
		_ = cart.Update(s, func(items []string) []string { return append(items, "coat") })
	}
	first := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) { add(s) })
	second := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) {
		add(s)
		if r.Method == "POST" {
			_ = coupon.Set(s, "FREE")
		}
		fmt.Fprint(w, cart.GetOr(s, nil), coupon.GetOr(s, ""))
	})
	b := second.browser()
	b.post("/", "")
	b.site = first
	b.get("/")
	b.site = second
	fmt.Println(b.get("/"))
	// Output:
	// 200 [coat coat coat]FREE
}

// A new key, and the old one as a fallback. At each moment one of the two is there.
func Example_valuesNewKey() {
	store, _ := memstore.New(memstore.Config{})
	const cents core.Key[int] = "credit"
	const euros core.Key[string] = "credit/2"
	read := func(s *core.Session) (string, error) {
		v, err := euros.Get(s)
		if !errors.Is(err, core.ErrNoValue) {
			return v, err
		}
		n, err := cents.Get(s)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d.%02d", n/100, n%100), nil
	}
	release := func(write func(s *core.Session), show func(s *core.Session) (string, error)) site {
		return valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) {
			if r.Method == "POST" {
				write(s)
			}
			v, err := show(s)
			fmt.Fprintf(w, "%q %v", v, err)
		})
	}
	first := release(
		func(s *core.Session) { _ = cents.Set(s, 1250) },
		func(s *core.Session) (string, error) { n, err := cents.Get(s); return strconv.Itoa(n), err })
	second := release(func(s *core.Session) { // it reads both, and writes what the first release can read
		_ = cents.Set(s, 1300)
		_ = euros.Delete(s)
	}, read)
	third := release(func(s *core.Session) { // when all servers have the second one: it writes the new form
		_ = euros.Set(s, "14.00")
		_ = cents.Delete(s)
	}, read)
	b := first.browser()
	for _, step := range []struct {
		name, method string
		release      site
	}{
		{"first writes", "POST", first},
		{"second reads", "GET", second},
		{"second writes", "POST", second},
		{"first reads", "GET", first},
		{"third writes", "POST", third},
		{"second reads", "GET", second},
		{"first reads", "GET", first},
		{"second writes", "POST", second},
		{"third reads", "GET", third},
	} {
		b.site = step.release
		fmt.Println(step.name, b.do(step.method, "/", ""))
	}
	// Output:
	// first writes 200 "1250" <nil>
	// second reads 200 "12.50" <nil>
	// second writes 200 "13.00" <nil>
	// first reads 200 "1300" <nil>
	// third writes 200 "14.00" <nil>
	// second reads 200 "14.00" <nil>
	// first reads 200 "0" coatcheck: no value under this key
	// second writes 200 "13.00" <nil>
	// third reads 200 "13.00" <nil>
}

// valuesPrice reads the form of the release before, too, and so needs no new key.
type valuesPrice struct {
	Cents    int
	Currency string
}

func (p *valuesPrice) UnmarshalJSON(data []byte) error {
	if n, err := strconv.Atoi(string(data)); err == nil { // a number, as it was until release 7
		*p = valuesPrice{n, "EUR"}
		return nil
	}
	type plain valuesPrice // without this method
	return json.Unmarshal(data, (*plain)(p))
}

// One type for both forms; and Update writes the new one.
func Example_valuesBothForms() {
	store, _ := memstore.New(memstore.Config{})
	const before core.Key[int] = "price"
	const after core.Key[valuesPrice] = "price"
	first := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) { _ = before.Set(s, 1250) })
	second := valuesRelease(store, func(w io.Writer, r *http.Request, s *core.Session) {
		if r.Method == "POST" {
			_ = after.Update(s, func(p valuesPrice) valuesPrice { p.Cents++; return p })
		}
		fmt.Fprintf(w, "%+v", after.GetOr(s, valuesPrice{}))
		raw, _ := s.Raw("price")
		fmt.Fprintf(w, ", stored as %s", raw)
	})
	b := first.browser()
	b.get("/")
	b.site = second
	fmt.Println(b.get("/"))
	fmt.Println(b.post("/", ""))
	// Output:
	// 200 {Cents:1250 Currency:EUR}, stored as 1250
	// 200 {Cents:1251 Currency:EUR}, stored as {"Cents":1251,"Currency":"EUR"}
}
