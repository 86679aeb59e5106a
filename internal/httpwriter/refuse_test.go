package httpwriter_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

// Retry-After is sent only if the same request may succeed later.
func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		after  string
	}{
		{core.ErrUnavailable, 503, "5"},
		{core.ErrConflict, 503, "5"},
		{late(t), 409, "1"}, // the browser has a newer token by then
		{core.ErrEnded, 409, ""},
		{core.ErrCrowded, 400, ""},
		{errors.New("anything"), 500, ""},
	} {
		h := http.Header{}
		if status := httpwriter.Refuse(h, c.err); status != c.status || h.Get("Retry-After") != c.after || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%v: status %d, header %v, want %d, %q", c.err, status, h, c.status, c.after)
		}
	}
}

// late is the error of a change that came with the token from before a RotateID.
func late(t *testing.T) error {
	t.Helper()
	m, err := core.New(core.Config{Store: works().Store, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	visit := func(cookie []string, change func(*core.Session) error) (core.Out, error) {
		x := m.Adapter().Begin(context.Background(), http.Header{"Cookie": cookie})
		s, err := x.Session(context.Background())
		if err = errors.Join(err, change(s)); err != nil {
			t.Fatal(err)
		}
		return x.Commit(context.Background(), 200)
	}
	set := func(s *core.Session) error { return visits.Set(s, 1) }
	out, err := visit(nil, set)
	if err != nil {
		t.Fatal(err)
	}
	cookie, _, _ := strings.Cut(out.Value, ";")
	if _, err = visit([]string{cookie}, (*core.Session).RotateID); err != nil {
		t.Fatal(err)
	}
	if _, err = visit([]string{cookie}, set); !errors.Is(err, core.ErrEnded) {
		t.Fatalf("the late change: %v", err)
	}
	return err
}
