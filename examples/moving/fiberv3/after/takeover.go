package main

import (
	"context"
	"encoding/gob"
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/gofiber/storage/redis/v3"

	"github.com/coatcheck-go/coatcheck/core"
)

// takeOver makes the sessions of before ours. Each is taken over at its user's next request, and ends there.
func takeOver(address string) func(context.Context, []*http.Cookie) (*core.Adoption, error) {
	// The name of the type in the old records is main.Cart, as it is here.
	gob.Register(Cart{})
	// Its Config is that of before: AbsoluteTimeout matters, too.
	old := session.NewStore(session.Config{Storage: redis.New(redis.Config{Addrs: []string{address}})})
	return func(ctx context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
		for _, c := range cookies {
			if c.Name != "session_id" || len(c.Value) != 43 { // an ID is a key in Redis: look up nothing else
				continue
			}
			s, err := old.GetByID(ctx, c.Value)
			if errors.Is(err, session.ErrSessionIDNotFoundInStore) {
				continue
			}
			if err != nil {
				return nil, err // an outage: a 503, and nobody is signed out
			}
			defer s.Release()
			a := &core.Adoption{
				Values: map[string]any{},
				Taken:  func(ctx context.Context) error { return old.Delete(ctx, c.Value) },
				Forget: []*http.Cookie{{Name: "session_id"}},
			}
			a.Subject, _ = s.Get("user").(string)
			for _, key := range []string{"visits", "cart"} {
				if v := s.Get(key); v != nil {
					a.Values[key] = v
				}
			}
			return a, nil
		}
		return nil, nil
	}
}
