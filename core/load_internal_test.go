package core

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// While a release that renews tokens is rolled out: a node of this one must not take the former token of a
// session, in the moment in which that still is the session, for a thief's, and end the session.
func TestFormerTokenOfARenewalIsNoReuse(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	m, err := New(Config{Store: store, RevokeOnReuse: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx := context.Background()
	x := m.Adapter().Begin(ctx, nil)
	s, _ := x.Session(ctx)
	if err := s.Login("alice"); err != nil {
		t.Fatal(err)
	}
	out, err := x.Commit(ctx, 200)
	if err != nil {
		t.Fatal(err)
	}
	cookie, _, _ := strings.Cut(out.Value, ";")
	rec, err := store.Load(ctx, s.rec.ID)
	if err != nil {
		t.Fatal(err)
	}
	data := append([]byte(nil), rec.Data...)
	b := block(data[:blockSize])
	b.rotate(tokenHash{1}, m.now())
	b[atBy] = 2
	rec.Data = data
	if err := store.Update(ctx, &rec); err != nil {
		t.Fatal(err)
	}
	_, err = m.Adapter().Begin(ctx, http.Header{"Cookie": {cookie}}).Session(ctx)
	if _, gone := store.Load(ctx, rec.ID); gone != nil {
		t.Errorf("the session was ended (%v)", err)
	}
}
