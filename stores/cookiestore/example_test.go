package cookiestore_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The example keeps the IDs of ended sessions in the memory of one process. Several processes need a store that they
// share.
func ExampleNew() {
	keys, err := keyring.New(keyring.Generate("k1")) // in production: keyring.Parse(os.Getenv("SESSION_KEYS"))
	if err != nil {
		log.Fatal(err)
	}
	ended, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	store, err := cookiestore.New(keys, cookiestore.RevokeIn(ended), cookiestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", store.Info())
	// Output: {Name:cookiestore InMemory:true Local:true NoRevocation:false}
}

// A changed password: this browser gets another cookie, and all other cookies of the user are dead.
func ExampleStore_RevokeSubject() {
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		log.Fatal(err)
	}
	revoked, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	store, err := cookiestore.New(keys, cookiestore.RevokeIn(revoked), cookiestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	signIn := func(_ context.Context, s *core.Session) { _ = s.Login("alice") }
	phone, laptop := request(m, "", signIn), request(m, "", signIn)
	stolen := laptop
	laptop = request(m, laptop, func(ctx context.Context, s *core.Session) {
		_ = s.RotateID()
		_, err := m.RevokeSubject(ctx, s.Subject(), s.ID()) // cannot count them
		fmt.Println("revoked:", err)
	})
	for _, cookie := range []string{phone, stolen, laptop} {
		request(m, cookie, func(_ context.Context, s *core.Session) { fmt.Printf("%q\n", s.Subject()) })
	}
	// Output:
	// revoked: <nil>
	// ""
	// ""
	// "alice"
}

// Without any storage, for sessions that are worth nothing to a thief. A Logout deletes the browser's own cookie. A copy
// of it stays a valid session until its deadline, so that should be near.
func ExampleNoRevocation() {
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		log.Fatal(err)
	}
	store, err := cookiestore.New(keys, cookiestore.NoRevocation(), cookiestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, IdleTimeout: 30 * time.Minute, Lifetime: 4 * time.Hour})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	const theme core.Key[string] = "theme"
	cookie := request(m, "", func(_ context.Context, s *core.Session) { _ = theme.Set(s, "dark") })
	copied := cookie
	cookie = request(m, cookie, func(_ context.Context, s *core.Session) { _ = s.Logout() })
	for _, c := range []string{cookie, copied} {
		request(m, c, func(_ context.Context, s *core.Session) { fmt.Println(theme.GetOr(s, "none")) })
	}
	// Output:
	// none
	// dark
}

// The deployment chooses: a folder for the IDs of ended sessions, or nothing.
func ExampleRevocation() {
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		log.Fatal(err)
	}
	var revocation cookiestore.Revocation // New refuses it as it is
	if dir := os.Getenv("REVOKED_DIR"); dir != "" {
		ended, err := filestore.New(dir, filestore.Config{})
		if err != nil {
			log.Fatal(err)
		}
		revocation = cookiestore.RevokeIn(ended)
	} else {
		revocation = cookiestore.NoRevocation()
	}
	store, err := cookiestore.New(keys, revocation, cookiestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("sessions can be ended:", !store.Info().NoRevocation)
	// Output: sessions can be ended: false
}

// request does what an adapter does for a request, and returns the browser's cookie afterwards.
func request(m *core.Manager, cookie string, handler func(context.Context, *core.Session)) string {
	x := m.Adapter().Begin(context.Background(), http.Header{"Cookie": {cookie}})
	s, err := x.Session(x.Context())
	if err != nil {
		log.Fatal(err)
	}
	handler(x.Context(), s)
	out, err := x.Commit(x.Context(), http.StatusOK)
	if err != nil {
		log.Fatal(err)
	}
	_ = x.Finish(x.Context())
	if out.Name != "" {
		cookie, _, _ = strings.Cut(out.Value, ";")
	}
	return cookie
}
