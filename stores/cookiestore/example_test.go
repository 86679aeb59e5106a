package cookiestore_test

import (
	"fmt"
	"log"

	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Ended sessions are remembered in the memory of this one process; with several
// processes, give RevokeIn a store that they share.
func ExampleNew() {
	keys, err := keyring.New(keyring.Generate("k1")) // in earnest: keyring.Parse(os.Getenv("SESSION_KEYS"))
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
