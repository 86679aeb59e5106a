package core_test

import (
	"context"
	"fmt"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Before an old key is taken out: every session is sealed with the new one.
func ExampleManager_Reseal() {
	ctx := context.Background()
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	first, second := keyring.Generate("k1"), keyring.Generate("k2")
	before, _ := keyring.New(first)       // their errors are about keys from elsewhere
	both, _ := keyring.New(second, first) // the first one seals
	for _, keys := range []*keyring.Keyring{before, both} {
		m, err := core.New(core.Config{Store: store, Keys: keys})
		if err != nil {
			fmt.Println(err)
			return
		}
		resealed := 0
		for s, err := range m.All(ctx) {
			if err != nil {
				fmt.Println(err)
				return
			}
			if done, err := m.Reseal(ctx, s.ID()); err != nil {
				fmt.Println(err)
			} else if done {
				resealed++
			}
		}
		fmt.Println("sealed anew:", resealed)
		handle(m, "", func(s *core.Session) { _ = s.Login("alice") })
	}
	// Output:
	// sealed anew: 0
	// sealed anew: 1
}
