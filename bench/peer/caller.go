package peer

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/valyala/fasthttp"
)

// A Caller sends one request to a Running in this process, again and again, at next to no
// cost of its own. It is for one goroutine.
type Caller struct {
	// Call sends the request.
	Call func()

	// Status, Header and Body are the response of the last Call, valid until the next one.
	Status func() int
	Header func(name string) string
	Body   func() string
}

// Caller returns a Caller for path, "/set?key=k1" for instance. cookie is the Cookie
// header, "" for none.
func (r *Running) Caller(path, cookie string) *Caller {
	if r.HTTP != nil {
		return httpCaller(r.HTTP, path, cookie)
	}
	return fastCaller(r.Fast, path, cookie)
}

// Cookie is the Cookie header of a client that got the last response, and sent old with its request.
func (c *Caller) Cookie(old string) string {
	line := c.Header("Set-Cookie")
	if line == "" {
		return old
	}
	got, err := http.ParseSetCookie(line)
	if err != nil || got.MaxAge < 0 || got.Value == "" {
		return ""
	}
	return got.Name + "=" + got.Value
}

func httpCaller(h http.Handler, path, cookie string) *Caller {
	w := &writer{header: http.Header{}}
	fresh := httptest.NewRequest(http.MethodGet, path, nil)
	if cookie != "" {
		fresh.Header.Set("Cookie", cookie)
	}
	r := &http.Request{}
	return &Caller{
		Call: func() {
			*r = *fresh // gorilla leaves its sessions in the request
			w.status, w.body = 0, w.body[:0]
			clear(w.header)
			h.ServeHTTP(w, r)
		},
		Status: func() int {
			if w.status == 0 {
				return http.StatusOK
			}
			return w.status
		},
		Header: w.header.Get,
		Body:   func() string { return string(w.body) },
	}
}

// writer keeps the response in memory that it uses again.
type writer struct {
	header http.Header
	status int
	body   []byte
}

func (w *writer) Header() http.Header { return w.header }
func (w *writer) Flush()              {}

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

func (w *writer) WriteString(s string) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, s...)
	return len(s), nil
}

func fastCaller(h fasthttp.RequestHandler, path, cookie string) *Caller {
	raw := "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n"
	if cookie != "" {
		raw += "Cookie: " + cookie + "\r\n"
	}
	raw += "\r\n"
	rc, text := &fasthttp.RequestCtx{}, strings.NewReader(raw)
	br := bufio.NewReaderSize(text, 16<<10)
	return &Caller{
		Call: func() {
			text.Reset(raw)
			br.Reset(text)
			rc.ResetUserValues()
			rc.Request.Reset()
			rc.Response.Reset()
			_ = rc.Request.Header.Read(br) // as the server reads it; Add would parse cookies at once
			h(rc)
		},
		Status: rc.Response.StatusCode,
		Header: func(name string) string {
			if name != "Set-Cookie" {
				return string(rc.Response.Header.Peek(name))
			}
			line := ""
			for _, value := range rc.Response.Header.Cookies() {
				line = string(value)
			}
			return line
		},
		Body: func() string { return string(rc.Response.Body()) },
	}
}
