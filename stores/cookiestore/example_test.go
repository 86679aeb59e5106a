package cookiestore_test

import (
	"fmt"
	"log"

	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
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
