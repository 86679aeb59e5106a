package main

import (
	"bytes"
	"context"
	"encoding/gob"
	"net/http"

	"github.com/gofiber/storage/redis/v3"

	"github.com/coatcheck-go/coatcheck/core"
)

// takeOver makes the sessions of before ours. Each is taken over at its user's next request, and ends there.
func takeOver(address string) func(context.Context, []*http.Cookie) (*core.Adoption, error) {
	// The name of the type in the old records is main.Cart, as it is here.
	gob.Register(Cart{})
	old := redis.New(redis.Config{Addrs: []string{address}})
	return func(ctx context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
		for _, c := range cookies {
			if c.Name != "session_id" || len(c.Value) != 36 { // an ID is a key in Redis: look up nothing else
				continue
			}
			data, err := old.GetWithContext(ctx, c.Value)
			if err == nil && data == nil {
				continue
			}
			var values map[string]any
			if err == nil {
				err = gob.NewDecoder(bytes.NewReader(data)).Decode(&values)
			}
			if err != nil {
				return nil, err // an outage: a 503, and nobody is signed out
			}
			a := &core.Adoption{
				Values: map[string]any{},
				Taken:  func(ctx context.Context) error { return old.DeleteWithContext(ctx, c.Value) },
				Forget: []*http.Cookie{{Name: "session_id"}},
			}
			a.Subject, _ = values["user"].(string)
			for _, key := range []string{"visits", "cart"} {
				if v, ok := values[key]; ok {
					a.Values[key] = v
				}
			}
			return a, nil
		}
		return nil, nil
	}
}
