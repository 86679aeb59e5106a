package httpwriter_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"text/template"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

var quiet = slog.New(slog.DiscardHandler)

// Two goroutines may send the first byte at the same time.
func TestOneOfManyPasses(t *testing.T) {
	for _, cfg := range []core.Config{works(), slowlyRefuses()} {
		req := begin(t, cfg, httptest.NewRecorder())
		var fresh atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				first, err := req.Pass(req.Header(), 200)
				if first {
					fresh.Add(1)
				}
				if !errors.Is(err, req.Err()) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if failed := req.Err() != nil; failed != (fresh.Load() == 1) {
			t.Errorf("failed: %t, told to %d callers", failed, fresh.Load())
		}
	}
}

// slowlyRefuses is a store that fails Create slowly: other goroutines have time to come to the gate.
func slowlyRefuses() core.Config {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	refuse := storetest.On("Create")
	fault.Before(func(c storetest.Call) error {
		time.Sleep(20 * time.Millisecond)
		return refuse(c)
	})
	return core.Config{Store: fault.Store()}
}

func TestDiscard(t *testing.T) {
	req := begin(t, works(), httptest.NewRecorder())
	req.Leave(req.Header(), nil)
	if err := visits.Set(req.s, 2); !errors.Is(err, core.ErrClosed) {
		t.Errorf("after a panic: %v, want ErrClosed", err)
	}
	if err := req.End(); err != nil || req.Header()["Set-Cookie"] != nil {
		t.Errorf("the 500 of whoever recovers: %v %v", err, req.Header())
	}
}

func TestFinishLater(t *testing.T) {
	req := begin(t, works(), httptest.NewRecorder())
	req.FinishLater()
	req.Leave(req.Header(), nil) // deferred by the adapter
	if err := visits.Set(req.s, 2); err != nil {
		t.Fatal("the error handler has no session:", err)
	}
	req.WriteHeader(404)
	if len(req.Header()["Set-Cookie"]) != 1 {
		t.Error("no cookie")
	}
	if err := visits.Set(req.s, 3); !errors.Is(err, core.ErrClosed) {
		t.Errorf("afterwards: %v, want ErrClosed", err)
	}
}

// An adapter's writer holds the Exchange by value, and fmt calls no methods of unexported fields. So no field may hold
// the token that came or the new one.
func TestPrintedWriterShowsNoToken(t *testing.T) {
	m, err := core.New(core.Config{Store: made.Of(memstore.New(memstore.Config{})), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := httptest.NewRequest("GET", "/", nil)
	var tokens []string
	for range 2 {
		rec := httptest.NewRecorder()
		o := &owner{}
		s, err := core.FromContext(o.Begin(m, r, rec, o).Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Login("qq-subject"); err != nil {
			t.Fatal(err)
		}
		var shown strings.Builder
		show := func() {
			for _, v := range []any{o, reflect.ValueOf(o).Elem().Interface(), &o.Writer, &o.Gate, map[string]any{"w": o}} {
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
					fmt.Fprintf(&shown, verb+"\n", v)
				}
				_ = template.Must(template.New("").Parse("{{.}}")).Execute(&shown, v)
				_ = json.NewEncoder(&shown).Encode(v)
			}
		}
		show()
		if err := o.End(); err != nil {
			t.Fatal(err)
		}
		show()
		cookie, _, _ := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
		_, token, _ := strings.Cut(cookie, "=")
		for _, secret := range append(tokens, token, "qq-subject") {
			if token == "" || strings.Contains(shown.String(), secret) || strings.Contains(shown.String(), strings.Trim(fmt.Sprint([]byte(secret)), "[]")) {
				t.Errorf("%q is shown: %.3000s", secret, shown.String())
			}
		}
		r.Header.Set("Cookie", cookie)
		tokens = append(tokens, token)
	}
}

var _ http.ResponseWriter = (*owner)(nil)

// A response that never comes to the gate leaves no session open, and ends no Logout.
func TestPassedBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := made.Of(memstore.New(memstore.Config{}))
		var log strings.Builder
		m, err := core.New(core.Config{Store: store, Logger: slog.New(slog.NewTextHandler(&log, nil)), SweepInterval: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		serve := func(cookie string, handle func(*core.Session), pass bool) (*core.Session, string) {
			ctx, end := context.WithCancel(context.Background())
			r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
			r.Header.Set("Cookie", cookie)
			rec := httptest.NewRecorder()
			o := &owner{}
			s, err := core.FromContext(o.Begin(m, r, rec, o).Context())
			if err != nil {
				t.Fatal(err)
			}
			handle(s)
			o.FinishLater()
			o.Leave(rec.Header(), nil)
			if pass {
				o.WriteHeader(200)
			}
			end() // as the server does
			time.Sleep(time.Minute)
			synctest.Wait()
			line, _, _ := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
			return s, line
		}
		login := func(s *core.Session) { _ = s.Login("alice") }
		_, cookie := serve("", login, true)
		s, _ := serve(cookie, func(s *core.Session) { _ = s.Logout() }, false)
		if err := visits.Set(s, 1); !errors.Is(err, core.ErrClosed) {
			t.Errorf("the session is open: %v", err)
		}
		if s, _ := serve(cookie, func(*core.Session) {}, true); s.Subject() != "" {
			t.Error("the Logout was not carried out")
		}
		if _, c := serve("", login, false); c != "" {
			t.Error("a cookie without a response")
		}
		for range m.All(context.Background()) {
			t.Error("a session without a cookie")
		}
		if !strings.Contains(log.String(), "no response was committed") {
			t.Errorf("the dropped sign-in is not in the log: %s", log.String())
		}
	})
}
