package core_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// nonsense is a store whose Load answers what only others may.
type nonsense struct {
	driver.Store
	err error
}

func (s *nonsense) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if s.err != nil {
		return driver.Record{}, s.err
	}
	return s.Store.Load(ctx, id)
}

func TestNonsenseIsNoLogout(t *testing.T) {
	for _, e := range []error{driver.ErrConflict, driver.ErrExists, driver.ErrTooLarge, errors.ErrUnsupported} {
		st := &nonsense{Store: plain{made(memstore.New(memstore.Config{}))}}
		m := newManager(t, core.Config{Store: st})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
		st.err = e
		s, err := m.Begin(ctx, b.header()).Session(ctx)
		if err == nil {
			t.Errorf("Load answers %v: the request goes on as %q", e, s.Subject())
		}
	}
}

// An unreadable record beside a good one: what Login begins is one of two for the next request.
func TestLoginBesideAnUnreadableRecord(t *testing.T) {
	for _, first := range []bool{true, false} {
		store := made(memstore.New(memstore.Config{}))
		m := newManager(t, core.Config{Store: store})
		b, bad := newBrowser(t, m), newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		var id core.ID
		bad.visit(func(s *core.Session) { must(t, count.Set(s, 7)); id = s.ID() })
		rec, err := store.Load(ctx, id)
		must(t, err)
		rec.Data = bytes.Clone(rec.Data)
		rec.Data[0] = 200
		must(t, store.Update(ctx, &rec))
		line := bad.cookie + "; " + b.cookie
		if !first {
			line = b.cookie + "; " + bad.cookie
		}
		x := m.Begin(ctx, []string{line})
		s, _ := x.Session(ctx)
		must(t, s.Login("alice"))
		out, err := x.Commit(ctx, 200)
		must(t, err)
		fresh, _, _ := bytes.Cut([]byte(out.Value), []byte(";"))
		next := newBrowser(t, m)
		next.cookie = string(fresh) + "; " + line
		if s := next.send().s; s.Subject() != "alice" {
			t.Errorf("unreadable first %v: signed in with 200, and the next request is %q", first, s.Subject())
		}
	}
}
