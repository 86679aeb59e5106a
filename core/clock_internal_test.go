package core

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The machine slept, or was restored from a snapshot: for a moment the rough clock shows the time of before. What
// is stored in that moment must live.
func TestWriteJustAfterASleep(t *testing.T) {
	m, err := New(Config{Store: made.Of(memstore.New(memstore.Config{})), IdleTimeout: time.Hour, TouchInterval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx := context.Background()
	visit := func(cookie string, f func(*Session) error) (Out, bool) {
		x := m.Adapter().Begin(ctx, http.Header{"Cookie": {cookie}})
		s, err := x.Session(ctx)
		if err == nil {
			err = f(s)
		}
		live := !s.IsNew()
		out, cerr := x.Commit(ctx, 200)
		if err != nil || cerr != nil {
			t.Fatal(err, cerr)
		}
		return out, live
	}
	read := func(*Session) error { return nil }
	visit("a=1", read) // starts the clock
	m.clock.micros.Store(micros(time.Now().Add(-3 * time.Hour)))
	out, _ := visit("a=1", func(s *Session) error { return Key[int]("k").Set(s, 1) })
	cookie, _, _ := strings.Cut(out.Value, ";")
	if _, live := visit(cookie, read); !live {
		t.Error("a session that was answered as stored is dead")
	}
}
