package ginsession

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

// writer is one request's gin.ResponseWriter. It answers the client if the save fails. Gin's own writer keeps the
// status until the first byte, so the gate opens then.
type writer struct {
	gin.ResponseWriter
	gate     httpwriter.Gate
	mw       *middleware
	c        *gin.Context
	hijacked bool
}

// ready opens the gate. If the session cannot be stored, it answers the client in place of the handler.
func (w *writer) ready(status int) error {
	if w.Written() && w.gate.Open() {
		return nil // HandleContext led to a route without the middleware. Finish reports lost changes
	}
	fresh, err := w.gate.Pass(w.Header(), status)
	if fresh {
		w.Fail(err)
		w.gate.Answered(w.Header())
	}
	return err
}

// Fail implements httpwriter.Owner. It answers past any writer before this one, such as gzip's.
func (w *writer) Fail(err error) {
	before := w.c.Writer
	w.c.Writer = w.ResponseWriter
	defer func() { w.c.Writer = before }()
	w.mw.onError(w.c, err)
	w.c.Abort()
}

// end is called after the handler, which may have sent nothing. Gin sends the header past c.Writer then.
func (w *writer) end() {
	_ = w.ready(w.Status())
}

// once removes repetitions of the save's error from c.Errors: Gin's render adds the error that Write returned, too.
func (w *writer) once() {
	why := w.gate.Err()
	if why == nil {
		return
	}
	seen := false
	w.c.Errors = slices.DeleteFunc(w.c.Errors, func(e *gin.Error) bool {
		again := seen && errors.Is(e.Err, why)
		seen = seen || errors.Is(e.Err, why)
		return again
	})
}

// leave restores the outer middleware's writer and ends the request. It must be deferred, because it may call recover.
func (w *writer) leave() {
	w.c.Writer = w.ResponseWriter
	if w.gate.Err() == nil {
		w.gate.Leave(w.Header(), nil)
	} else {
		w.gate.Leave(w.Header(), recover())
	}
}

// lost reports whether Engine.HandleContext put Gin's own writer back into c.Writer. With several managers, c.Writer
// may be the writer behind this one. Gin does not export the type of its writer; a test fails if Gin renames it.
func (w *writer) lost() bool {
	if behind, ok := w.ResponseWriter.(*writer); ok && w.c.Writer == gin.ResponseWriter(behind) {
		return true
	}
	return reflect.TypeOf(w.c.Writer).String() == "*gin.responseWriter"
}

// again is the middleware for a request that Engine.HandleContext routes once more. Gin sends the header at the end of
// that run.
func (w *writer) again() {
	w.c.Writer = w
	w.c.Next()
	w.end()
}

// Format prints the name only, with every verb, since the request contains the token.
func (w *writer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "ginsession.writer") }

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	if w.gate.Err() == nil {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *writer) WriteHeaderNow() {
	if w.ready(w.Status()) == nil {
		w.ResponseWriter.WriteHeaderNow()
	}
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.ready(w.Status()); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}

func (w *writer) WriteString(s string) (int, error) {
	if err := w.ready(w.Status()); err != nil {
		return 0, err
	}
	return w.ResponseWriter.WriteString(s)
}

func (w *writer) Flush() { _ = w.FlushError() }

// FlushError tells a stream that the session could not be stored.
func (w *writer) FlushError() error {
	if err := w.ready(w.Status()); err != nil {
		return err
	}
	w.ResponseWriter.Flush()
	return nil
}

// Hijack returns the connection. The code that upgrades it must send Header, which contains the cookie.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := w.ready(http.StatusSwitchingProtocols); err != nil {
		return nil, nil, err
	}
	w.hijacked = true
	return w.ResponseWriter.Hijack()
}

// behind returns the first writer from w inwards from which http.ResponseController gets the connection. Middleware
// puts writers before Gin's own; they embed a gin.ResponseWriter and have no Unwrap.
func behind(w gin.ResponseWriter) http.ResponseWriter {
	for {
		if _, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
			return w
		}
		v := reflect.Indirect(reflect.ValueOf(w))
		if v.Kind() != reflect.Struct {
			return w
		}
		inner := v.FieldByName("ResponseWriter")
		if !inner.IsValid() || !inner.CanInterface() {
			return w
		}
		next, ok := inner.Interface().(gin.ResponseWriter)
		if !ok {
			return w
		}
		w = next
	}
}
