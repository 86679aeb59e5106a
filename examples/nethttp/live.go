package main

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
)

// liveAt is where live.html gets its news.
const liveAt = "/live/socket"

// socket tells the page how many things are in the cart, and closes when the session ends: by a sign-out in another
// tab, say.
func socket(w http.ResponseWriter, r *http.Request, s *core.Session) {
	conn, err := websocket.Accept(w, r, nil) // it refuses other sites
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	ctx := conn.CloseRead(r.Context()) // ends when the browser goes
	done, tick := s.Done(10*time.Second), time.NewTicker(shop.LiveEvery)
	defer tick.Stop()
	for shown := -1; ; {
		if n := shop.Cart.GetOr(s, nil).Count(); n != shown {
			if conn.Write(ctx, websocket.MessageText, []byte(strconv.Itoa(n))) != nil {
				return
			}
			shown = n
		}
		select {
		case <-ctx.Done():
			return
		case <-done:
		case <-tick.C:
			if err := s.Refresh(ctx); !errors.Is(err, core.ErrEnded) {
				continue // in an outage, too: that ends no session
			}
		}
		code := websocket.StatusGoingAway // the server stops
		if errors.Is(s.Err(), core.ErrEnded) {
			code = shop.SignedOut
		}
		_ = conn.Close(code, "")
		return
	}
}
