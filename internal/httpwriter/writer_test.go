package httpwriter_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const visits core.Key[int] = "visits"

// owner is the smallest adapter.
type owner struct {
	httpwriter.Writer
	failures int
}

func (o *owner) Fail(err error) {
	o.failures++
	status := core.HTTPStatus(err)
	http.Error(o.Unwrap(), http.StatusText(status), status)
}

// request is one request whose session holds a change, and the writer it goes to.
type request struct {
	*owner
	r *http.Request
	s *core.Session
	m *core.Manager
}

func begin(t *testing.T, cfg core.Config, inner http.ResponseWriter) request {
	t.Helper()
	cfg.Logger = quiet
	m, err := core.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	o := &owner{}
	r := o.Begin(m, httptest.NewRequest("GET", "/", nil), inner, o)
	s, err := core.FromContext(r.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := visits.Set(s, 1); err != nil {
		t.Fatal(err)
	}
	return request{o, r, s, m}
}

func works() core.Config { return core.Config{Store: made.Of(memstore.New(memstore.Config{}))} }

// refuses is a store that fails Create.
func refuses() core.Config {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	fault.Before(storetest.On("Create"))
	return core.Config{Store: fault.Store()}
}

// exits are all the ways in which a handler can make the header leave.
var exits = []struct {
	name   string
	status int // that the client sees
	leave  func(w *httpwriter.Writer) error
}{
	{"WriteHeader", 201, func(w *httpwriter.Writer) error { w.WriteHeader(201); return w.Err() }},
	{"Write", 200, func(w *httpwriter.Writer) error { _, err := w.Write([]byte("body")); return err }},
	{"WriteString", 200, func(w *httpwriter.Writer) error { _, err := io.WriteString(w, "body"); return err }},
	{"ReadFrom", 200, func(w *httpwriter.Writer) error {
		_, err := io.Copy(w, io.LimitReader(strings.NewReader("body"), 4))
		return err
	}},
	{"Flush", 200, func(w *httpwriter.Writer) error { w.Flush(); return w.Err() }},
	{"FlushError", 200, func(w *httpwriter.Writer) error { return w.FlushError() }},
	{"ResponseController.Flush", 200, func(w *httpwriter.Writer) error { return http.NewResponseController(w).Flush() }},
	{"End", 200, func(w *httpwriter.Writer) error { return w.End() }},
	{"WriteHeader 101", 101, func(w *httpwriter.Writer) error { w.WriteHeader(101); return w.Err() }},
}

func TestEveryWayOutStoresFirst(t *testing.T) {
	for _, exit := range exits {
		t.Run(exit.name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			req := begin(t, works(), rec)
			if err := exit.leave(&req.Writer); err != nil {
				t.Fatal(err)
			}
			// The header as it left, before the handler does anything else.
			res := rec.Result()
			if res.StatusCode != exit.status || len(res.Header["Set-Cookie"]) != 1 || res.Header.Get("Vary") != "Cookie" {
				t.Errorf("got %d %v, want %d with one cookie", res.StatusCode, res.Header, exit.status)
			}
			if req.s.Modified() {
				t.Error("the session is not stored")
			}
		})
	}
}

func TestEveryWayOutIsClosedAfterAFailure(t *testing.T) {
	for _, exit := range exits {
		for _, later := range exits {
			if later.name == "End" {
				continue
			}
			t.Run(exit.name+", "+later.name, func(t *testing.T) {
				rec := httptest.NewRecorder()
				rec.Header().Set("X-Outside", "kept")
				req := begin(t, refuses(), rec)
				req.Header().Set("Etag", `"mine"`)
				req.Header().Add("X-Outside", "dropped")
				req.Header().Set("Set-Cookie", "theirs=1")
				if err := exit.leave(&req.Writer); !errors.Is(err, core.ErrUnavailable) {
					t.Errorf("the handler got %v, want ErrUnavailable", err)
				}
				if err := later.leave(&req.Writer); !errors.Is(err, core.ErrUnavailable) {
					t.Errorf("and then %v, want ErrUnavailable", err)
				}
				res := rec.Result()
				body, _ := io.ReadAll(res.Body)
				if res.StatusCode != 503 || string(body) != "Service Unavailable\n" {
					t.Errorf("the client got %d %q, want a 503 of ours and nothing else", res.StatusCode, body)
				}
				want := http.Header{
					"X-Outside": {"kept"}, "Cache-Control": {"no-store"}, "Retry-After": {core.RetryAfter(core.ErrUnavailable)},
					"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"},
				}
				if got := headerText(res.Header); got != headerText(want) {
					t.Errorf("header:\n%s\nwant:\n%s", got, headerText(want))
				}
				if req.failures != 1 {
					t.Errorf("Fail was called %d times, want once", req.failures)
				}
			})
		}
	}
}

func headerText(h http.Header) string {
	var b bytes.Buffer
	_ = h.Write(&b)
	return b.String()
}

func TestInformationalResponsesPass(t *testing.T) {
	codes := &statuses{ResponseWriter: httptest.NewRecorder()}
	req := begin(t, works(), codes)
	req.WriteHeader(103)
	if !req.s.Modified() || req.Header()["Set-Cookie"] != nil {
		t.Error("the session was stored before the final header")
	}
	_ = visits.Set(req.s, 2)
	req.WriteHeader(404)
	req.WriteHeader(500) // superfluous: the server complains, as without us
	if got := codes.text(); got != "103 404 500" {
		t.Errorf("statuses %s, want 103 404 500", got)
	}
	if cookies := req.Header()["Set-Cookie"]; len(cookies) != 1 {
		t.Errorf("cookies %q, want one", cookies)
	}

	codes = &statuses{ResponseWriter: httptest.NewRecorder()}
	failing := begin(t, refuses(), codes)
	failing.WriteHeader(204)
	failing.WriteHeader(103)
	if got := codes.text(); got != "503" {
		t.Errorf("statuses %s after a failure, want 503 alone", got)
	}
}

type statuses struct {
	http.ResponseWriter
	all []string
}

func (s *statuses) WriteHeader(status int) {
	s.all = append(s.all, strconv.Itoa(status))
}
func (s *statuses) text() string { return strings.Join(s.all, " ") }

// A writer that can do nothing must not make the session think that its header left.
func TestUnsupportedLeavesTheGateClosed(t *testing.T) {
	plain := struct{ http.ResponseWriter }{httptest.NewRecorder()}
	req := begin(t, works(), plain)
	if err := req.FlushError(); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("FlushError: %v", err)
	}
	if _, _, err := req.Hijack(); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("Hijack: %v", err)
	}
	if err := req.Push("/x", nil); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("Push: %v", err)
	}
	if req.CloseNotify() != nil {
		t.Error("CloseNotify: a channel from nowhere")
	}
	if !req.Open() || !req.s.Modified() {
		t.Error("the gate is open")
	}
}

func TestHijackStoresFirst(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	inner := &hijackable{ResponseWriter: httptest.NewRecorder(), conn: ours}
	// Behind a writer that can only be unwrapped.
	req := begin(t, works(), unwrappable{inner})
	conn, _, err := http.NewResponseController(req.owner).Hijack()
	if err != nil || conn != ours {
		t.Fatal(conn, err)
	}
	if req.s.Modified() || len(req.Header()["Set-Cookie"]) != 1 {
		t.Error("whoever upgrades finds no cookie")
	}
	_ = req.End()
	if err := visits.Set(req.s, 2); err != nil {
		t.Error(err) // the socket lives on
	}
	if err := req.Finish(); err != nil || req.s.Modified() {
		t.Error("the change of the socket is lost:", err)
	}

	failing := begin(t, refuses(), inner)
	if conn, _, err := failing.Hijack(); conn != nil || !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("got %v, %v: no connection may be handed out", conn, err)
	}
}

type hijackable struct {
	http.ResponseWriter
	conn net.Conn
}

func (h *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.conn, nil, nil }

type unwrappable struct{ inner http.ResponseWriter }

func (u unwrappable) Header() http.Header         { return u.inner.Header() }
func (u unwrappable) Write(p []byte) (int, error) { return u.inner.Write(p) }
func (u unwrappable) WriteHeader(status int)      { u.inner.WriteHeader(status) }
func (u unwrappable) Unwrap() http.ResponseWriter { return u.inner }

// Methods that send nothing are reached without passing the gate, on a real connection.
func TestResponseController(t *testing.T) {
	var errs []error
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		req := begin(t, works(), w)
		rc := http.NewResponseController(req.owner)
		errs = append(errs, rc.SetReadDeadline(time.Now().Add(time.Minute)),
			rc.SetWriteDeadline(time.Now().Add(time.Minute)), rc.EnableFullDuplex())
		if !req.Open() {
			t.Error("the gate is open")
		}
		errs = append(errs, rc.Flush())
	}))
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	srv.Close() // the handler has returned
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if len(res.Cookies()) != 1 {
		t.Error("no cookie")
	}
}

// sendfile counts what arrives by ReadFrom.
type sendfile struct {
	http.ResponseWriter
	n int
}

func (s *sendfile) ReadFrom(r io.Reader) (int64, error) { s.n++; return io.Copy(s.ResponseWriter, r) }

func TestReadFromReachesTheServer(t *testing.T) {
	inner := &sendfile{ResponseWriter: httptest.NewRecorder()}
	req := begin(t, works(), inner)
	if _, err := io.Copy(req.owner, io.LimitReader(strings.NewReader("file"), 4)); err != nil || inner.n != 1 {
		t.Error("no sendfile", err)
	}
}

// Echo v5 answers errors through a writer that is not the one that the handler had.
func TestMoveTo(t *testing.T) {
	before, after := httptest.NewRecorder(), httptest.NewRecorder()
	req := begin(t, works(), before)
	req.MoveTo(after)
	req.WriteHeader(404)
	if after.Code != 404 || len(after.Result().Cookies()) != 1 || len(before.Result().Cookies()) != 0 {
		t.Errorf("got %d, cookies %v and %v", after.Code, after.Result().Cookies(), before.Result().Cookies())
	}
}
