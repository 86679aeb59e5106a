package main

import (
	"context"
	"encoding/gob"
	"log"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/redis/go-redis/v9"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// takeOver makes the sessions of before ours. Each is taken over at its user's next request, and ends there.
func takeOver(address string, store driver.Store) *adopt.Adopter {
	gob.Register(Cart{}) // its name in the old records is main.Cart, as it is here
	client := redis.NewClient(&redis.Options{Addr: address})
	old, err := adopt.NewSCS(adopt.SCS{
		Store:   goredisstore.New(client), // as in before
		TakenIn: store,                    // which old sessions were taken over
		Read: func(_ context.Context, values map[string]any) (*core.Adoption, error) {
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
