package correct

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/bench/peer"
)

// patience is how long an answer may take: the clients of some stores try for seconds.
const patience = 20 * time.Second

// site is an App that listens on loopback.
type site struct {
	url    string
	client *http.Client
	close  func()
}

func serve(r *peer.Running) (*site, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	quiet := log.New(io.Discard, "", 0)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	s := &site{
		url: "http://" + ln.Addr().String(),
		client: &http.Client{Transport: transport, Timeout: patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	if r.HTTP != nil {
		server := &http.Server{Handler: r.HTTP, ErrorLog: quiet}
		go func() { _ = server.Serve(ln) }()
		s.close = func() { _ = server.Close() }
		return s, nil
	}
	server := &fasthttp.Server{Handler: r.Fast, ReadBufferSize: 16 << 10, Logger: quiet}
	go func() { _ = server.Serve(ln) }()
	s.close = func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second) // a handler may hang for good
		defer cancel()
		_ = server.ShutdownWithContext(ctx)
	}
	return s, nil
}

// answer is what came back.
type answer struct {
	status  int
	body    string
	cookies []*http.Cookie
}

// get sends one request with cookie as its Cookie header, none if it is "". Cookies are kept by the
// caller, since http.CookieJar keeps Secure ones from a site without TLS.
func (s *site) get(path, cookie string) (*answer, error) {
	r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil, err
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &answer{resp.StatusCode, string(body), resp.Cookies()}, err
}

// cookie is the Cookie header of a client that sent old and got this answer.
func (a *answer) cookie(old string) string {
	var pairs []string
	gone := map[string]bool{}
	for _, c := range a.cookies {
		gone[c.Name] = true
		if c.MaxAge >= 0 && c.Value != "" && (c.Expires.IsZero() || c.Expires.After(time.Now())) {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	for pair := range strings.SplitSeq(old, "; ") {
		if name, _, ok := strings.Cut(pair, "="); ok && !gone[name] {
			pairs = append(pairs, pair)
		}
	}
	return strings.Join(pairs, "; ")
}
