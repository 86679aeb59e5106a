package main

import (
	"context"
	"encoding/gob"
	"log"
	"net/http"
	"os"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// takeOver makes the sessions of before ours. Each is taken over at its user's next request, and ends there.
func takeOver(store driver.Store) *adopt.Adopter {
	gob.Register(Cart{}) // its name in the old cookies is main.Cart, as it is here
	old, err := adopt.NewGorilla(adopt.Gorilla{
		Cookie:   http.Cookie{Name: "session", Secure: true},
		KeyPairs: [][]byte{[]byte(os.Getenv("SESSION_SECRET"))},
		TakenIn:  store, // which old sessions were taken over
		Read: func(_ context.Context, values map[any]any) (*core.Adoption, error) {
			a := &core.Adoption{Values: map[string]any{}}
			a.Subject, _ = values["user"].(string)
			for _, key := range []string{"visits", "cart"} {
				if v, ok := values[key]; ok {
					a.Values[key] = v
				}
			}
			return a, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return old
}
