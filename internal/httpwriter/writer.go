package httpwriter

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
)

// Writer is an http.ResponseWriter with a Gate on every way out. What flushes, hijacks or
// copies must not find a way around it: http.ResponseController looks behind any
// writer that has Unwrap but not the method it seeks. Deadlines and full duplex send
// nothing and are reached through Unwrap.
type Writer struct {
	Gate
	inner    http.ResponseWriter
	hijacked bool
}

var _ interface {
	http.ResponseWriter
	http.Flusher
	http.Hijacker
	http.Pusher
	io.ReaderFrom
	io.StringWriter
} = (*Writer)(nil)

// Begin is Gate.Begin for a response that goes to inner.
func (w *Writer) Begin(m *core.Manager, r *http.Request, inner http.ResponseWriter, owner Owner) *http.Request {
	w.inner = inner
	return w.Gate.Begin(m, r, inner.Header(), owner)
}

// End is for a handler that has returned and may have sent nothing. It leaves the
// header to the server, as without a Writer.
func (w *Writer) End() error { return w.ready(http.StatusOK) }

// Close is Finish, and ends a connection whose client must not take the response for whole.
func (w *Writer) Close() {
	if w.Finish() != nil && !w.hijacked {
		Abort(w.inner)
	}
}

// ready opens the gate, or has the client answered in place of the handler.
func (w *Writer) ready(status int) error {
	fresh, err := w.Pass(w.inner.Header(), status)
	if fresh {
		w.ctx.owner.Fail(err)
	}
	return err
}

// Unwrap is for http.ResponseController.
func (w *Writer) Unwrap() http.ResponseWriter { return w.inner }

// Header is the inner writer's.
func (w *Writer) Header() http.Header { return w.inner.Header() }

// WriteHeader sends the header. Informational responses (1xx) pass by the gate: the
// header that counts is still to come. 101 is that header.
func (w *Writer) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		if w.Err() == nil {
			w.inner.WriteHeader(status)
		}
		return
	}
	if w.ready(status) == nil {
		w.inner.WriteHeader(status)
	}
}

// Write fails, and sends nothing, if the session could not be stored.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.ready(http.StatusOK); err != nil {
		return 0, err
	}
	return w.inner.Write(p)
}

// WriteString is Write.
func (w *Writer) WriteString(s string) (int, error) {
	if err := w.ready(http.StatusOK); err != nil {
		return 0, err
	}
	return io.WriteString(w.inner, s)
}

// ReadFrom keeps the server's sendfile within reach.
func (w *Writer) ReadFrom(src io.Reader) (int64, error) {
	if err := w.ready(http.StatusOK); err != nil {
		return 0, err
	}
	return io.Copy(w.inner, src)
}

// Flush is FlushError for those who do not ask.
func (w *Writer) Flush() { _ = w.FlushError() }

// FlushError sends the header, if it is still to come, and what is buffered.
func (w *Writer) FlushError() error {
	for inner := w.inner; ; {
		switch f := inner.(type) {
		case interface{ FlushError() error }:
			if err := w.ready(http.StatusOK); err != nil {
				return err
			}
			return f.FlushError()
		case http.Flusher:
			if err := w.ready(http.StatusOK); err != nil {
				return err
			}
			f.Flush()
			return nil
		case interface{ Unwrap() http.ResponseWriter }:
			inner = f.Unwrap()
		default: // nothing will be sent, so the gate stays closed
			return http.ErrNotSupported
		}
	}
}

// Hijack hands out the connection. Whoever upgrades it sends Header himself, with
// the cookie in it.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	for inner := w.inner; ; {
		switch h := inner.(type) {
		case http.Hijacker:
			if err := w.ready(http.StatusSwitchingProtocols); err != nil {
				return nil, nil, err
			}
			w.hijacked = true
			return h.Hijack()
		case interface{ Unwrap() http.ResponseWriter }:
			inner = h.Unwrap()
		default:
			return nil, nil, http.ErrNotSupported
		}
	}
}

// Push is the inner writer's. It sends nothing of this response.
func (w *Writer) Push(target string, opts *http.PushOptions) error {
	if p, ok := w.inner.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// CloseNotify is for a Gin engine behind this writer, whose Stream insists on it.
func (w *Writer) CloseNotify() <-chan bool {
	if n, ok := w.inner.(interface{ CloseNotify() <-chan bool }); ok {
		return n.CloseNotify()
	}
	return nil // never ready; the request's context tells the same
}
