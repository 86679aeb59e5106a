package guides_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// keysRing is a ring that seals with the first key and opens with all.
func keysRing(first keyring.Key, old ...keyring.Key) *keyring.Keyring {
	ring, err := keyring.New(first, old...)
	if err != nil {
		panic(err)
	}
	return ring
}

// keysServer is a server of the application, with the keys that it was started with.
func keysServer(store driver.Backend, ring *keyring.Keyring) (*core.Manager, site) {
	m := memory(core.Config{Store: store, Keys: ring, Logger: slog.New(slog.DiscardHandler)})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sign-in", keysSignIn)
	mux.Handle("GET /", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		if s.Subject() == "" {
			fmt.Fprint(w, "a visitor")
			return
		}
		_ = visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprintf(w, "%s, visit %d", s.Subject(), visits.GetOr(s, 0))
	}))
	return m, serve(httpsession.New(m)(mux))
}

// keysSignIn is a sign-in page that works if the key of the browser's session is missing on this server.
func keysSignIn(w http.ResponseWriter, r *http.Request) {
	s, err := httpsession.Get(r)
	if err != nil && !errors.Is(err, core.ErrUnreadable) { // Login replaces a session that cannot be read
		http.Error(w, "Please try again.", core.HTTPStatus(err))
		return
	}
	_ = s.Login(r.FormValue("name"))
	fmt.Fprint(w, "signed in")
}

// The keys come from the environment, and the store gets sealed values.
func Example_keys() {
	os.Setenv("SESSION_KEYS", keyring.Generate("k1").Reveal()) // the deployment does this, not the application

	keys, err := keyring.Parse(os.Getenv("SESSION_KEYS"))
	if err != nil {
		panic(err) // it names the key that is wrong, and never quotes it
	}
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		panic(err)
	}
	m, err := core.New(core.Config{Store: store, Keys: keys})
	if err != nil {
		panic(err)
	}
	defer m.Close()

	const note core.Key[string] = "note"
	var id core.ID
	site := serve(httpsession.New(m)(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login("alice")
		_ = note.Set(s, "a secret")
		id = s.ID()
	})))
	defer site.Close()
	site.browser().get("/")

	rec, err := store.Load(context.Background(), id)
	fmt.Println(keys, err)
	fmt.Println("the value:", bytes.Contains(rec.Data, []byte("a secret")), "the user:", rec.Subject)
	// Output:
	// keyring.Keyring(k1) <nil>
	// the value: false the user: alice
}

// Every deployment is rolling: a server of the release before runs beside the new one.
func Example_keysRotation() {
	ctx := context.Background()
	k1, k2 := keyring.Generate("k1"), keyring.Generate("k2")
	store, _ := memstore.New(memstore.Config{})
	_, before := keysServer(store, keysRing(k1))
	alice := before.browser()
	alice.post("/sign-in", "name=alice")
	for _, ring := range []*keyring.Keyring{
		keysRing(k1, k2), // 1: all servers open with the new key
		keysRing(k2, k1), // 2: all servers seal with it
		keysRing(k2),     // 3: the old key is gone
	} {
		m, after := keysServer(store, ring)
		fmt.Println(ring)
		for _, server := range []site{after, before, after} {
			alice.site = server
			fmt.Println(" ", alice.get("/"))
		}
		if len(ring.IDs()) == 2 && ring.IDs()[0] == "k2" { // before step 3: coatcheck keys reseal
			n := 0
			for s, err := range m.All(ctx) {
				if err != nil {
					panic(err)
				}
				if _, err := m.Reseal(ctx, s.ID()); err != nil {
					panic(err)
				}
				n++
			}
			fmt.Println("  all sealed with k2:", n)
		}
		before.Close()
		before = after
	}
	before.Close()
	// Output:
	// keyring.Keyring(k1 k2)
	//   200 alice, visit 1
	//   200 alice, visit 2
	//   200 alice, visit 3
	// keyring.Keyring(k2 k1)
	//   200 alice, visit 4
	//   200 alice, visit 5
	//   200 alice, visit 6
	//   all sealed with k2: 1
	// keyring.Keyring(k2)
	//   200 alice, visit 7
	//   200 alice, visit 8
	//   200 alice, visit 9
}

// A server that lacks a key answers 503 and keeps the session. The sign-in page works.
func Example_keysMissing() {
	k1, k2 := keyring.Generate("k1"), keyring.Generate("k2")
	store, _ := memstore.New(memstore.Config{})
	_, with := keysServer(store, keysRing(k2, k1))
	_, without := keysServer(store, keysRing(k1))
	defer with.Close()
	defer without.Close()

	alice := with.browser()
	alice.post("/sign-in", "name=alice")
	alice.site = without
	fmt.Println(alice.get("/"))
	alice.site = with
	fmt.Println(alice.get("/"), "after the key is back")
	alice.site = without
	fmt.Println(alice.post("/sign-in", "name=alice"))
	fmt.Println(alice.get("/"))
	// Output:
	// 503 Service Unavailable
	// 200 alice, visit 1 after the key is back
	// 200 signed in
	// 200 alice, visit 1
}

// The store has sessions from before there were keys.
func Example_keysFirst() {
	store, _ := memstore.New(memstore.Config{})
	_, plain := keysServer(store, nil)
	_, sealed := keysServer(store, keysRing(keyring.Generate("k1")))
	defer plain.Close()
	defer sealed.Close()

	alice, bob := plain.browser(), plain.browser()
	alice.post("/sign-in", "name=alice")
	bob.post("/sign-in", "name=bob")
	alice.site, bob.site = sealed, sealed
	fmt.Println(alice.get("/"))
	bob.post("/sign-in", "name=bob")
	fmt.Println(bob.get("/"))
	alice.site, bob.site = plain, plain // a server without keys, by mistake or after a roll back
	fmt.Println(alice.get("/"))
	fmt.Println(bob.get("/"))
	// Output:
	// 200 a visitor
	// 200 bob, visit 1
	// 200 alice, visit 1
	// 503 Service Unavailable
}

// A key leaked: a new one alone, and an end to all sessions from before.
func Example_keysLeaked() {
	ctx := context.Background()
	store, _ := memstore.New(memstore.Config{})
	_, before := keysServer(store, keysRing(keyring.Generate("k1")))
	alice := before.browser()
	alice.post("/sign-in", "name=alice")
	before.Close() // all servers at once

	m, after := keysServer(store, keysRing(keyring.Generate("k2")))
	defer after.Close()
	alice.site = after
	fmt.Println(alice.get("/"))
	n, err := m.RevokeAll(ctx, time.Now()) // it ends what it cannot read, too
	fmt.Println(n, err)
	fmt.Println(alice.get("/"))
	// Output:
	// 503 Service Unavailable
	// 1 <nil>
	// 200 a visitor
}

// With the cookie store, anybody can name a key that is not there: the request is anonymous.
func Example_keysCookieStore() {
	k1, k2 := keyring.Generate("k1"), keyring.Generate("k2")
	ended, _ := memstore.New(memstore.Config{})
	server := func(ring *keyring.Keyring) site {
		store, err := cookiestore.New(ring, cookiestore.RevokeIn(ended), cookiestore.Config{})
		if err != nil {
			panic(err)
		}
		_, s := keysServer(store, nil) // Config.Keys is for stores that keep records
		return s
	}
	old, both, fresh := server(keysRing(k1)), server(keysRing(k1, k2)), server(keysRing(k2, k1))
	defer old.Close()
	defer both.Close()
	defer fresh.Close()

	alice := fresh.browser()
	alice.post("/sign-in", "name=alice")
	for _, s := range []site{old, both, fresh} {
		alice.site = s
		fmt.Println(alice.get("/"))
	}
	// Output:
	// 200 a visitor
	// 200 alice, visit 1
	// 200 alice, visit 2
}
