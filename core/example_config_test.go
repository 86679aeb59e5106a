package core_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Every setting. Only Store must be set; the others have safe defaults.
func ExampleConfig() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := keyring.New(keyring.Generate("k1")) // in earnest: keyring.Parse(os.Getenv("SESSION_KEYS"))
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{
		Store: store,
		Keys:  keys, // encrypts the values that the store keeps
		Codec: core.JSON{},
		Cookie: core.Cookie{
			Name: "__Secure-shop", Domain: "example.com", Path: "/shop", SameSite: http.SameSiteStrictMode,
			Insecure: false, Partitioned: false,
		},
		Namespace:            "shop",
		IdleTimeout:          time.Hour,
		Lifetime:             12 * time.Hour,
		AAL:                  2, // refuses what is longer than NIST allows
		TouchInterval:        time.Minute,
		SaveEveryRequest:     false,
		ExpireAtBrowserClose: true,
		MaxSize:              16 << 10,
		StoreTimeout:         time.Second,
		SweepInterval:        5 * time.Minute,
		MaxPerSubject:        5,
		MaxPerSubjectFor: func(_ context.Context, subject string) int { // asked for each sign-in, instead of MaxPerSubject
			return map[string]int{"trial": 1}[subject] // 0: no limit
		},
		WhenFull:      core.EndOldest,
		RevokeOnReuse: true,
		Logger:        slog.Default(),
		Observer:      func(context.Context, core.Event) {},
		Now:           time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	fmt.Println(m.Info().Name, m.Ping(context.Background()), m.Config().IdleTimeout)

	_, err = core.New(core.Config{Store: store, AAL: 2, IdleTimeout: 2 * time.Hour})
	fmt.Println(err)
	// Output:
	// memstore <nil> 1h0m0s
	// coatcheck: Config.IdleTimeout is 2h0m0s, at most 1h0m0s with AAL 2
}

// Browsers carry the token in the cookie, and API clients in a header.
func ExampleSource() {
	store, _ := memstore.New(memstore.Config{})
	m, err := core.New(core.Config{Store: store, Sources: []core.Source{core.FromCookie, core.FromBearer, "X-Session-Token"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	for _, header := range []http.Header{
		{"Cookie": {"theme=dark"}},
		{"Cookie": {"theme=dark"}, "X-Session-Token": {""}}, // asks for a token in this header
		{"Authorization": {"Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}},
	} {
		x := m.Adapter().Begin(context.Background(), header) // what the middleware does
		fmt.Println(core.SourceOf(x.Context()), m.SourceOf(x.Context()) == core.FromCookie)
		x.Discard()
	}
	// Output:
	// Cookie true
	// X-Session-Token false
	// Authorization false
}

// Sessions of another system are taken over, one by one, as their users come back.
func ExampleAdoption() {
	store, _ := memstore.New(memstore.Config{})
	m, err := core.New(core.Config{
		Store: store,
		Adopt: func(ctx context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
			for _, c := range cookies {
				if c.Name == "oldsession" && c.Value == "abc" { // look it up in the other system
					return &core.Adoption{
						Subject:  "alice",
						AuthTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
						Values:   map[string]any{"visits": 41},
						ExpireIn: 30 * 24 * time.Hour, // it was "remembered" there
						Taken:    func(context.Context) error { fmt.Println("the old one is deleted"); return nil },
						Forget:   []*http.Cookie{{Name: c.Name, Secure: true}}, // with the attributes that it was set with
					}, nil
				}
			}
			return nil, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	const visits core.Key[int] = "visits"
	handle(m, "oldsession=abc", func(s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		fmt.Println(s.Subject(), s.AuthTime().Year(), visits.GetOr(s, 0))
	})
	// Output:
	// alice 2026 42
	// the old one is deleted
}

// xmlCodec keeps values as XML.
type xmlCodec struct{}

func (xmlCodec) Name() string                       { return "xml" }
func (xmlCodec) Encode(v any) ([]byte, error)       { return xml.Marshal(v) }
func (xmlCodec) Decode(data []byte, into any) error { return xml.Unmarshal(data, into) }

// A codec of your own. Sessions keep the codec that they began with.
func ExampleCodec() {
	var codec core.Codec = xmlCodec{}
	data, err := codec.Encode(42)
	fmt.Println(string(data), err)
	var n int
	fmt.Println(codec.Decode(data, &n), n)

	store, _ := memstore.New(memstore.Config{})
	m, _ := core.New(core.Config{Store: store, Codec: codec})
	defer m.Close()
	const visits core.Key[int] = "visits"
	cookie := handle(m, "", func(s *core.Session) {
		_ = visits.Set(s, 1)
		raw, _ := s.Raw("visits")
		fmt.Println(string(raw))
	})

	// Back to JSON: this manager still reads what the other one has begun.
	back, _ := core.New(core.Config{Store: store, OtherCodecs: []core.Codec{codec}})
	defer back.Close()
	handle(back, cookie, func(s *core.Session) { fmt.Println(visits.GetOr(s, 0)) })
	// Output:
	// <int>42</int> <nil>
	// <nil> 42
	// <int>1</int>
	// 1
}

// An Observer for metrics and an audit log. It decides by Kind; Outcome tells failures from the ordinary course.
func ExampleEvent() {
	observe := func(_ context.Context, e core.Event) {
		switch e.Kind {
		case core.EventLoad, core.EventCreate, core.EventUpdate, core.EventTouch, core.EventDelete: // calls of the store
			fmt.Println("metric:", e.Kind, e.Outcome, e.Size > 0, e.Duration >= 0, e.ID.IsZero(), e.Cached)
		case core.EventSweep:
			fmt.Println("metric: removed", e.Count)
		case core.EventLogin:
			fmt.Println("audit:", e.Kind, e.Subject, "replaced another session:", !e.Replaced.IsZero())
		case core.EventRotate, core.EventDestroy, core.EventExpired, core.EventReused, core.EventAdopt:
			fmt.Println("audit:", e.Kind, e.Subject)
		case core.EventLate, core.EventUnknown, core.EventConflict: // the ordinary course
		case core.EventAmbiguous, core.EventCorrupt, core.EventUnreadable, core.EventDecode, core.EventDropped:
			fmt.Println("look at:", e.Kind, e.Err)
		}
		var kind core.EventKind = e.Kind
		var outcome core.Outcome = e.Outcome
		switch outcome {
		case core.OutcomeFailed:
			fmt.Println("alert:", kind, e.Err)
		case core.OutcomeDone, core.OutcomeNotFound, core.OutcomeConflict:
		}
	}
	store, _ := memstore.New(memstore.Config{})
	m, _ := core.New(core.Config{Store: store, SweepInterval: -1, Observer: observe})
	defer m.Close()
	cookie := handle(m, "", func(s *core.Session) { _ = s.Login("alice") })
	handle(m, cookie, func(s *core.Session) { _ = s.Logout() })
	handle(m, cookie, func(s *core.Session) {}) // comes after its logout
	// Output:
	// metric: create done true true false false
	// audit: login alice replaced another session: false
	// metric: load done true true false false
	// metric: update done true true false false
	// audit: destroy alice
	// metric: load done true true false false
}

// Two observers of one manager.
func ExampleObservers() {
	logins := 0
	count := func(_ context.Context, e core.Event) {
		if e.Kind == core.EventLogin {
			logins++
		}
	}
	audit := func(_ context.Context, e core.Event) {
		if e.Kind == core.EventLogin {
			fmt.Println("audit:", e.Subject)
		}
	}
	store, _ := memstore.New(memstore.Config{})
	m, _ := core.New(core.Config{Store: store, Observer: core.Observers(count, audit)})
	defer m.Close()
	handle(m, "", func(s *core.Session) { _ = s.Login("alice") })
	fmt.Println("sign-ins:", logins)
	// Output:
	// audit: alice
	// sign-ins: 1
}

// What an error means, for a handler of your own: WithErrorHandler of the adapters has the same errors.
func ExampleHTTPStatus() {
	explain := func(err error) string {
		var value *core.ValueError
		switch {
		case errors.As(err, &value):
			return fmt.Sprintf("%s of key %q as %s: %v", value.Op, value.Key, value.Type, value.Err)
		case errors.Is(err, core.ErrUnavailable), errors.Is(err, core.ErrUnreadable), errors.Is(err, core.ErrConflict):
			return "try again after " + core.RetryAfter(err) + " s"
		case errors.Is(err, core.ErrEnded), errors.Is(err, core.ErrRefused):
			return "ask for the page again"
		case errors.Is(err, core.ErrCrowded):
			return "delete this site's cookies"
		case errors.Is(err, core.ErrTooManySessions):
			return "sign out elsewhere first"
		case errors.Is(err, core.ErrTooLarge):
			return "keep less in the session"
		case errors.Is(err, core.ErrNotFound), errors.Is(err, core.ErrIncomplete), errors.Is(err, core.ErrCorrupt):
			return "an answer of the administration"
		case errors.Is(err, core.ErrNoSession), errors.Is(err, core.ErrClosed), errors.Is(err, core.ErrReadOnly), errors.Is(err, core.ErrHeaderSent):
			return "a mistake in the program"
		}
		return "unknown"
	}
	for _, err := range []error{core.ErrUnavailable, core.ErrEnded, core.ErrCrowded, core.ErrTooManySessions, core.ErrTooLarge, core.ErrNoSession} {
		fmt.Println(core.HTTPStatus(err), explain(err))
	}
	// Output:
	// 503 try again after 5 s
	// 409 ask for the page again
	// 400 delete this site's cookies
	// 403 sign out elsewhere first
	// 500 keep less in the session
	// 500 a mistake in the program
}
