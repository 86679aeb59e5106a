package sessiontest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/sessiontest"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

// The manager and its store have one clock, which stands still until the test advances it.
func ExampleManager_clock() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{IdleTimeout: time.Hour})

	alice := m.SignedIn("alice")
	m.Clock.Advance(59 * time.Minute)
	fmt.Println(alice.Get(routes(m), "/wish").Status)
	m.Clock.Advance(61 * time.Minute)
	fmt.Println(alice.Get(routes(m), "/wish").Status)
	// Output:
	// 200 OK
	// 401 Unauthorized
}

// A store of your own gets the clock of the test, too.
func ExampleNewAt() {
	dir, err := os.MkdirTemp("", "example") // in a test: t.TempDir()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	var clock *sessiontest.Clock = sessiontest.NewClock()
	store, err := filestore.New(filepath.Join(dir, "sessions"), filestore.Config{Now: clock.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.NewAt(t, clock, core.Config{Store: store})
	defer m.Close() // in a test, it is closed by itself

	alice := m.SignedIn("alice")
	clock.Advance(15 * 24 * time.Hour) // longer than IdleTimeout
	alice.WantSignedIn("")
	fmt.Println(alice.Session().IsNew())
	// Output: true
}

// What do users see while the store is away?
func ExampleManager_Fail() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})
	alice := m.SignedIn("alice")

	m.Fail("Update") // Fail() is an outage of all calls
	res := alice.Post(routes(m), "/wish", "wish", "a hat")
	fmt.Println(res.Status, "retry after", res.Header.Get("Retry-After"))
	m.Heal()
	sessiontest.WantNone(alice, wish) // and alice is still signed in
	alice.WantSignedIn("alice")
	// Output: 503 Service Unavailable retry after 5
}

// A page that does not use its session costs no call of the store.
func ExampleManager_Calls() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})
	alice := m.SignedIn("alice")

	for _, page := range []string{"/healthz", "/wish"} {
		m.Heal() // counts from 0
		alice.Get(routes(m), page)
		fmt.Println(page, m.Calls())
	}
	// Output:
	// /healthz map[]
	// /wish map[Load:1]
}
