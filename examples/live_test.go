package examples_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// live: a stream shows what another tab puts into the cart, and ends when another tab signs out.
func live(t *testing.T, s *server) {
	open, ok := map[string]func(context.Context, *testing.T, *browser) (next func() string){
		"nethttp": openSocket, "chi": openSocket, "fiber": openEvents, "fiberv3": openEvents,
	}[s.app]
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b := newBrowser(t, s, firefox)
	b.post("/cart/add", "sku", "hat")
	b.signIn("alice", "looking-glass")
	if !strings.Contains(b.get("/live").page, "live-count") || b.status != http.StatusOK {
		t.Errorf("status %d: %s", b.status, b.page)
	}
	await := func(next func() string, want string) {
		t.Helper()
		for got := ""; got != want; {
			if got = next(); got == "" {
				t.Errorf("the stream ended without %q", want)
				return
			}
		}
	}
	next := open(ctx, t, b)
	await(next, "1")
	if s.lists() { // with the cookie store, the stream has the cart of its own cookie
		b.thief().post("/cart/add", "sku", "hat")
		await(next, "2")
	}
	b.thief().post("/sign-out")
	await(next, "over")
	if got := next(); got != "" {
		t.Errorf("after the end: %q", got)
	}
}

func openSocket(ctx context.Context, t *testing.T, b *browser) (next func() string) {
	t.Helper()
	conn, _, err := websocket.Dial(ctx, b.s.url+"/live/socket", &websocket.DialOptions{HTTPHeader: http.Header{"Cookie": {b.session().Name + "=" + b.session().Value}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	ended := false
	return func() string {
		_, message, err := conn.Read(ctx)
		switch {
		case websocket.CloseStatus(err) == 4001 && !ended:
			ended = true
			return "over"
		case err != nil:
			return ""
		}
		return string(message)
	}
}

func openEvents(ctx context.Context, t *testing.T, b *browser) (next func() string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", b.s.url+"/live/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", b.session().Name+"="+b.session().Value)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	return func() string {
		for lines.Scan() {
			if lines.Text() == "event: over" {
				return "over"
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && data != "signed out" {
				return data
			}
		}
		return ""
	}
}
