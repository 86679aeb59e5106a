package adaptertest

import (
	"compress/gzip"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Helpers for adapters on net/http.

// Serve starts a server for h, with the time limit and the protocol that o asks for, and returns its URL. Adapter.Serve
// ends with it.
func Serve(tb testing.TB, o Options, h http.Handler) string {
	if o.TimeLimit > 0 {
		h = http.TimeoutHandler(h, o.TimeLimit, "too slow")
	}
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if o.HTTP2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	tb.Cleanup(server.Close)
	return server.URL
}

// Upgrade implements Ctx.Hijack for an http.ResponseWriter. It takes over the connection as WebSocket libraries do, and
// sends the header of w with status 101.
func Upgrade(w http.ResponseWriter, serve func(net.Conn)) error {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	_, _ = buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n")
	_ = w.Header().WriteSubset(buffered, map[string]bool{"Connection": true, "Upgrade": true})
	_, _ = buffered.WriteString("\r\n")
	if err := buffered.Flush(); err != nil {
		_ = conn.Close()
		return err
	}
	serve(conn)
	return nil
}

// Stream implements Ctx.Stream for an http.ResponseWriter.
func Stream(w http.ResponseWriter, produce func(send func(chunk string) error)) error {
	var failed error
	produce(func(chunk string) error {
		if chunk != "" {
			if _, err := w.Write([]byte(chunk)); err != nil {
				failed = err
				return err
			}
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			failed = err
			return err
		}
		return nil
	})
	return failed
}

// Gzip is a typical compression middleware: it compresses what h sends to clients that accept gzip.
func Gzip(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.ServeHTTP(w, r)
			return
		}
		z := &gzipWriter{ResponseWriter: w}
		defer z.close()
		h.ServeHTTP(z, r)
	})
}

// gzipWriter sets Content-Encoding when the header is written. It does not touch a response without a body.
type gzipWriter struct {
	http.ResponseWriter
	z    *gzip.Writer
	sent bool
}

func (g *gzipWriter) Unwrap() http.ResponseWriter { return g.ResponseWriter }

func (g *gzipWriter) WriteHeader(status int) {
	if status >= 200 && !g.sent {
		g.sent = true
		if status != http.StatusNoContent && status != http.StatusNotModified {
			g.Header().Set("Content-Encoding", "gzip")
			g.Header().Add("Vary", "Accept-Encoding")
			g.Header().Del("Content-Length")
			g.z = gzip.NewWriter(g.ResponseWriter)
		}
	}
	g.ResponseWriter.WriteHeader(status)
}

func (g *gzipWriter) Write(p []byte) (int, error) {
	if !g.sent {
		g.WriteHeader(http.StatusOK)
	}
	if g.z == nil {
		return g.ResponseWriter.Write(p)
	}
	return g.z.Write(p)
}

func (g *gzipWriter) Flush() { _ = g.FlushError() }

func (g *gzipWriter) FlushError() error {
	if !g.sent {
		g.WriteHeader(http.StatusOK)
	}
	if g.z != nil {
		if err := g.z.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(g.ResponseWriter).Flush()
}

func (g *gzipWriter) close() {
	if g.z != nil {
		_ = g.z.Close()
	}
}

// Recover is a typical recovery middleware: it answers a panic of h with a 500. It passes on http.ErrAbortHandler.
func Recover(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			} else if p != nil {
				panic(p)
			}
		}()
		h.ServeHTTP(w, r)
	})
}
