package httpwriter

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
)

// Writer is an http.ResponseWriter with a Gate on every way out. It has every method that may send the header, because
// http.ResponseController unwraps a writer that lacks the method it needs. Deadlines and full duplex send nothing, so
// they are reached through Unwrap.
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

// MoveTo makes the response go to inner, if nothing of it has left yet.
func (w *Writer) MoveTo(inner http.ResponseWriter) { w.inner = inner }

// End passes the gate after a handler that may have sent nothing. The server sends the header, as without a Writer.
func (w *Writer) End() error { return w.pass(http.StatusOK) }

// Close calls Finish. After an error it aborts the response, unless the connection was hijacked.
func (w *Writer) Close() {
	if w.Finish() != nil && !w.hijacked {
		Abort(w.inner)
	}
}

// pass calls Pass, and lets the owner answer the client if that fails.
func (w *Writer) pass(status int) error {
	fresh, err := w.Pass(w.inner.Header(), status)
	if fresh {
		w.ctx.owner.Fail(err)
		w.Answered(w.inner.Header())
	}
	return err
}

// Unwrap is for http.ResponseController.
func (w *Writer) Unwrap() http.ResponseWriter { return w.inner }

// Header returns the inner writer's header.
func (w *Writer) Header() http.Header { return w.inner.Header() }

// WriteHeader sends the header. Informational responses (1xx) do not pass the gate, since the final header follows. 101
// is a final header.
func (w *Writer) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		if w.Err() == nil {
			w.inner.WriteHeader(status)
		}
		return
	}
	if w.pass(status) == nil {
		w.inner.WriteHeader(status)
	}
}

// Write fails, and sends nothing, if the session could not be stored.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.pass(http.StatusOK); err != nil {
		return 0, err
	}
	return w.inner.Write(p)
}

// WriteString is Write for a string.
func (w *Writer) WriteString(s string) (int, error) {
	if err := w.pass(http.StatusOK); err != nil {
		return 0, err
	}
	return io.WriteString(w.inner, s)
}

// ReadFrom lets the server use sendfile.
func (w *Writer) ReadFrom(src io.Reader) (int64, error) {
	if err := w.pass(http.StatusOK); err != nil {
		return 0, err
	}
	return io.Copy(w.inner, src)
}

// Flush is FlushError without the error.
func (w *Writer) Flush() { _ = w.FlushError() }

// FlushError sends the header, if it has not left yet, and what is buffered.
func (w *Writer) FlushError() error {
	for inner := w.inner; ; {
		switch f := inner.(type) {
		case interface{ FlushError() error }:
			if err := w.pass(http.StatusOK); err != nil {
				return err
			}
			return f.FlushError()
		case http.Flusher:
			if err := w.pass(http.StatusOK); err != nil {
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

// Hijack hands out the connection. The caller then sends Header, which has the cookie.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	for inner := w.inner; ; {
		switch h := inner.(type) {
		case http.Hijacker:
			if err := w.pass(http.StatusSwitchingProtocols); err != nil {
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

// Push calls the inner writer's Push. It sends nothing of this response.
func (w *Writer) Push(target string, opts *http.PushOptions) error {
	if p, ok := w.inner.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// CloseNotify is for a Gin engine behind this writer: its Stream requires it.
func (w *Writer) CloseNotify() <-chan bool {
	if n, ok := w.inner.(interface{ CloseNotify() <-chan bool }); ok {
		return n.CloseNotify()
	}
	return nil // a channel that is never ready: the request's context says the same
}
