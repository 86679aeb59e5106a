package guides_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// choosingShop is an application that counts visits and signs in, on any store.
func choosingShop(store driver.Backend) (site, *core.Manager) {
	m := memory(core.Config{Store: store})
	mux := http.NewServeMux()
	mux.Handle("GET /", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		_, _ = fmt.Fprintf(w, "visit %d", visits.GetOr(s, 0))
	}))
	mux.Handle("POST /sign-out", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = s.Logout() }))
	return serve(httpsession.New(m)(mux)), m
}

// choosingAt is the browser at another server of the same application: its jar does not look at the port.
func choosingAt(b *browser, s site) *browser { return &browser{s, b.client} }

// choosingFolder is a new one, for an example that needs files.
func choosingFolder() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "choosing")
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(dir, "sessions"), func() { _ = os.RemoveAll(dir) }
}

// The deployment chooses: the code is the same for every store.
func Example_choosingByURL() {
	ctx := context.Background()
	dir, remove := choosingFolder()
	defer remove()
	_ = os.Setenv("SESSION_KEYS", keyring.Generate("k1").Reveal())
	defer os.Unsetenv("SESSION_KEYS")

	for _, url := range []string{
		"memory:?max_records=100000",
		"file:" + dir,
		"file:" + dir + "?cache=memory:",
		"cookie:?keys=env:SESSION_KEYS&revocations=file:" + dir + "-ended",
	} {
		store, err := core.OpenStore(ctx, url)
		if err != nil {
			log.Fatal(err)
		}
		m, err := core.New(core.Config{Store: store})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Info().Name)
		_ = m.Close() // closes the store, too
	}
	// Output:
	// memstore
	// filestore
	// cachedstore
	// cookiestore
}

// A full store refuses new sessions, and throws out no live one.
func Example_choosingMemory() {
	store, err := memstore.New(memstore.Config{MaxRecords: 1}) // a small one, for a test of a full store
	if err != nil {
		log.Fatal(err)
	}
	shop, m := choosingShop(store)
	defer shop.Close()
	defer m.Close()

	first, second := shop.browser(), shop.browser()
	fmt.Println(first.get("/"))
	fmt.Println(second.get("/"))
	fmt.Println(first.get("/"))
	// Output:
	// 200 visit 1
	// 503 Service Unavailable
	// 200 visit 2
}

// Sessions in files survive a restart, and two processes may share the folder.
func Example_choosingFiles() {
	dir, remove := choosingFolder()
	defer remove()
	open := func() (site, *core.Manager) {
		store, err := filestore.New(dir, filestore.Config{})
		if err != nil {
			log.Fatal(err)
		}
		return choosingShop(store)
	}
	one, m := open()
	other, n := open()
	alice := one.browser()
	fmt.Println(alice.get("/"))
	fmt.Println(choosingAt(alice, other).get("/"))
	for _, end := range []func() error{m.Close, n.Close} {
		_ = end()
	}
	one.Close()
	other.Close()

	restarted, m := open()
	defer restarted.Close()
	defer m.Close()
	fmt.Println(choosingAt(alice, restarted).get("/"))
	// Output:
	// 200 visit 1
	// 200 visit 2
	// 200 visit 3
}

// With RevokeIn, a copy of the cookie is worth nothing after the sign-out.
func Example_choosingCookie() {
	keys, err := keyring.New(keyring.Generate("k1")) // in production: keyring.Parse(os.Getenv("SESSION_KEYS"))
	if err != nil {
		log.Fatal(err)
	}
	dir, remove := choosingFolder()
	defer remove()
	ended, err := filestore.New(dir, filestore.Config{}) // several servers need one that they share
	if err != nil {
		log.Fatal(err)
	}
	store, err := cookiestore.New(keys, cookiestore.RevokeIn(ended), cookiestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	shop, m := choosingShop(store)
	defer shop.Close()
	defer m.Close()

	alice, thief := shop.browser(), shop.browser()
	fmt.Println(alice.get("/"))
	copied := "__Host-session=" + alice.cookie("__Host-session")
	fmt.Println(thief.do("GET", "/", "", "Cookie", copied))
	alice.post("/sign-out", "")
	fmt.Println(shop.browser().do("GET", "/", "", "Cookie", copied))
	// Output:
	// 200 visit 1
	// 200 visit 2
	// 200 visit 1
}

// Pages are read from the cache. Everything is written to the truth first.
func Example_choosingCache() {
	cache, err := memstore.New(memstore.Config{MaxBytes: 64 << 20}) // for one process; several share Redis or memcached
	if err != nil {
		log.Fatal(err)
	}
	dir, remove := choosingFolder()
	defer remove()
	truth, err := filestore.New(dir, filestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	store, err := cachedstore.New(cache, truth, cachedstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	shop, m := choosingShop(store)
	defer shop.Close()
	defer m.Close()
	fmt.Println(shop.browser().get("/"))
	// Output: 200 visit 1
}

// From memory to files, while the application runs. Nobody is signed out.
func Example_choosingAnother() {
	from, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	before, m := choosingShop(from)
	defer m.Close()
	alice, bob := before.browser(), before.browser()
	fmt.Println(alice.get("/"), bob.get("/"))
	before.Close()

	dir, remove := choosingFolder()
	defer remove()
	to, err := filestore.New(dir, filestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	store, err := crossingstore.New(to, from, crossingstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	after, m := choosingShop(store)
	defer after.Close()
	defer m.Close()
	fmt.Println(choosingAt(alice, after).get("/")) // taken over, since it is used

	moved, err := store.Move(context.Background(), crossingstore.MoveOptions{Verify: true})
	fmt.Println(moved.Moved, err, from.Len())
	fmt.Println(choosingAt(bob, after).get("/"))
	// Output:
	// 200 visit 1 200 visit 1
	// 200 visit 2
	// 1 <nil> 0
	// 200 visit 2
}
