package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
)

// liveAt is where live.html gets its news.
const liveAt = "/live/events"

// events tells the page how many things are in the cart, and ends when the session ends: by a sign-out in another tab,
// say.
func events(c *fiber.Ctx, s *core.Session) error {
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store")
	done := s.Done(10 * time.Second)
	// Fiber calls this function after the handler. It must not use c, and may use the session.
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		tick := time.NewTicker(shop.LiveEvery)
		defer tick.Stop()
		for {
			// If nothing is sent, nobody finds out that the browser has gone.
			_, _ = fmt.Fprintf(w, "event: cart\ndata: %d\n\n", shop.Cart.GetOr(s, nil).Count())
			if w.Flush() != nil {
				return
			}
			select {
			case <-done:
			case <-tick.C:
				if err := s.Refresh(context.Background()); !errors.Is(err, core.ErrEnded) {
					continue // in an outage, too: that ends no session
				}
			}
			if errors.Is(s.Err(), core.ErrEnded) { // else the server stops, and the page comes back
				_, _ = fmt.Fprint(w, "event: over\ndata: signed out\n\n")
			}
			return
		}
	})
	return nil
}
