package adopt_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

var (
	ctx      = context.Background()
	hashKey  = []byte("a key for the MAC, of 32 bytes..")
	blockKey = []byte("a key for the AES, of 32 bytes..")
)

// NewGorilla registers the type of flash messages, as gorilla/sessions does: write needs that.
func init() { made.Of(adopt.NewGorilla(settings())) }

// write is what the stores of gorilla/sessions do with the values of a session, and with its ID.
func write(t testing.TB, name string, what any, keys ...[]byte) string {
	t.Helper()
	if len(keys) == 0 {
		keys = [][]byte{hashKey, blockKey}
	}
	codecs := securecookie.CodecsFromPairs(keys...)
	for _, c := range codecs {
		c.(*securecookie.SecureCookie).MaxLength(0)
	}
	text, err := securecookie.EncodeMulti(name, what, codecs...)
	must(t, err)
	return text
}

// present returns the cookies of a request.
func present(name string, values ...string) (cookies []*http.Cookie) {
	for _, v := range values {
		cookies = append(cookies, &http.Cookie{Name: name, Value: v})
	}
	return cookies
}

// takenBefore wants Taken to say that another request was faster.
func takenBefore(t *testing.T, found *core.Adoption) {
	t.Helper()
	if err := found.Taken(ctx); !errors.Is(err, core.ErrEnded) || errors.Is(err, core.ErrUnavailable) {
		t.Errorf("Taken, once more: %v", err)
	}
}

// readUser is a Read that knows one value: "user".
func readUser[K comparable](user K) func(context.Context, map[K]any) (*core.Adoption, error) {
	return func(_ context.Context, values map[K]any) (*core.Adoption, error) {
		name, _ := values[user].(string)
		if name == "" {
			return nil, nil
		}
		return &core.Adoption{Subject: name}, nil
	}
}

func newStore(clock func() time.Time) driver.Store {
	return made.Of(memstore.New(memstore.Config{Now: clock}))
}

// settings are good ones, for sessions whose values are in the cookie.
func settings() adopt.Gorilla {
	return adopt.Gorilla{
		Cookie: http.Cookie{Name: "old"}, KeyPairs: [][]byte{hashKey, blockKey},
		TakenIn: newStore(nil), Read: readUser[any]("user"),
	}
}

// subject asks a for the user of a request; "" if there is none.
func subject(t testing.TB, a *adopt.Adopter, cookies []*http.Cookie) string {
	t.Helper()
	found, err := a.Adopt(ctx, cookies)
	if !errors.Is(err, core.ErrEnded) { // taken over a moment ago
		must(t, err)
	}
	if found == nil {
		return ""
	}
	return found.Subject
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
