package guides_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// streams is an application with pages that stay open. subscribe returns the messages for a user; a real application asks
// its message broker.
type streams struct {
	subscribe func(user string) <-chan string
}

func (app streams) routes(m *core.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /events", httpsession.RequireLogin(httpsession.Handle(app.events)))
	mux.Handle("GET /socket", httpsession.RequireLogin(httpsession.Handle(app.socket)))
	mux.Handle("POST /sign-in", httpsession.Handle(func(_ http.ResponseWriter, r *http.Request, s *core.Session) { _ = s.Login(r.PostFormValue("name")) }))
	mux.Handle("POST /sign-out", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = s.Logout() }))
	return httpsession.New(m)(mux)
}

func (app streams) events(w http.ResponseWriter, r *http.Request, s *core.Session) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	done, news := s.Done(10*time.Second), app.subscribe(s.Subject())
	for {
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done(): // the browser has gone
			return
		case <-done:
			if errors.Is(s.Err(), core.ErrEnded) { // else the server stops: the browser comes back by itself
				_, _ = fmt.Fprint(w, "event: over\ndata:\n\n")
			}
			return
		case text := <-news:
			_, _ = fmt.Fprintf(w, "data: %s\n\n", text)
		}
	}
}

func (app streams) socket(w http.ResponseWriter, r *http.Request, s *core.Session) {
	conn, err := websocket.Accept(w, r, nil) // it refuses other sites: Origin must be this host
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	go func() {
		<-s.Done(10 * time.Second)        // closed when the handler returns, too: this goroutine does not stay
		code := websocket.StatusGoingAway // the server stops: let the page come back
		if errors.Is(s.Err(), core.ErrEnded) {
			code = 4001 // yours: the page says that it is signed out
		}
		_ = conn.Close(code, "")
	}()
	for {
		_, message, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if err := s.Refresh(r.Context()); errors.Is(err, core.ErrEnded) { // a message is use of the session
			continue // Done is closed, too: Read fails when the page has been told
		}
		_ = conn.Write(r.Context(), websocket.MessageText, append([]byte("you said "), message...))
	}
}

// A page of events shows what is new. It ends when its user signs out in another tab.
func Example_streamsEvents() {
	m := memory(core.Config{})
	defer m.Close()
	news := make(chan string)
	app := streams{subscribe: func(string) <-chan string { return news }}
	site := serve(app.routes(m))
	defer site.Close()
	alice := site.browser()
	fmt.Println(alice.get("/events"))
	alice.post("/sign-in", "name=alice")

	page, err := alice.client.Get(site.URL + "/events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer page.Body.Close()
	news <- "hats are in"
	lines := bufio.NewScanner(page.Body)
	lines.Scan()
	fmt.Println(lines.Text())
	alice.post("/sign-out", "")
	for lines.Scan() { // to the end of the stream
		fmt.Print(lines.Text(), ";")
	}
	fmt.Println(lines.Err())
	// Output:
	// 401 Unauthorized
	// data: hats are in
	// ;event: over;data:;;<nil>
}

// A WebSocket is closed with a code of the application's own when its user signs out in another tab.
func Example_streamsSocket() {
	m := memory(core.Config{})
	defer m.Close()
	site := serve(streams{}.routes(m))
	defer site.Close()
	alice := site.browser()
	alice.post("/sign-in", "name=alice")

	ctx := context.Background()
	socket, _, err := websocket.Dial(ctx, site.URL+"/socket", &websocket.DialOptions{HTTPClient: alice.client})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = socket.CloseNow() }()
	_ = socket.Write(ctx, websocket.MessageText, []byte("hello"))
	_, answer, err := socket.Read(ctx)
	fmt.Println(string(answer), err)
	alice.post("/sign-out", "")
	_, _, err = socket.Read(ctx)
	fmt.Println(int(websocket.CloseStatus(err)))
	// Output:
	// you said hello <nil>
	// 4001
}

// CloseStreams ends the streams, so that Shutdown does not wait for them. Their sessions go on.
func Example_streamsShutdown() {
	m := memory(core.Config{})
	app := streams{subscribe: func(string) <-chan string { return nil }}
	server := &http.Server{Handler: app.routes(m)}
	stop := func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		return errors.Join(err, m.Close())
	}
	server.RegisterOnShutdown(m.CloseStreams) // net/http, chi, Gin, Echo: their http.Server

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() { _ = server.Serve(listener) }()
	alice := &http.Client{Jar: sessiontest.NewJar()} // it returns a Secure cookie to 127.0.0.1, as browsers do
	at := "http://" + listener.Addr().String()
	if _, err := alice.PostForm(at+"/sign-in", url.Values{"name": {"alice"}}); err != nil {
		fmt.Println(err)
		return
	}
	page, err := alice.Get(at + "/events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer page.Body.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	fmt.Println(page.StatusCode, stop(ctx))
	events, err := io.ReadAll(page.Body)
	fmt.Println(len(events), err)
	// Output:
	// 200 <nil>
	// 0 <nil>
}
