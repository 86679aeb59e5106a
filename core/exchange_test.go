package core_test

import (
	"context"
	"errors"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestDiscardSavesNothing(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	must(t, count.Set(r.s, 2))
	r.x.Discard()
	if out, err := r.x.Commit(ctx, 200); err != nil || out.Name != "" {
		t.Errorf("%+v, %v", out, err)
	}
	if n, _ := b.value(count); n != 1 {
		t.Errorf("count = %d", n)
	}
}

func TestSaveInAStream(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	if _, err := r.x.Commit(ctx, 200); err != nil { // the header is out
		t.Fatal(err)
	}
	must(t, count.Set(r.s, 2))
	must(t, r.s.Save(ctx))
	if n, _ := b.value(count); n != 2 {
		t.Errorf("count = %d", n)
	}
	must(t, count.Set(r.s, 3))
	must(t, r.x.Finish(ctx)) // late, but without need for a cookie
	if n, _ := b.value(count); n != 3 {
		t.Errorf("count = %d", n)
	}
	// A late change that does need one is an error.
	r = b.send()
	_, _ = r.x.Commit(ctx, 200)
	if err := r.s.Login("alice"); !errors.Is(err, core.ErrHeaderSent) || r.s.Subject() != "" {
		t.Errorf("late Login: %v", err)
	}
	if err := r.s.RotateID(); !errors.Is(err, core.ErrHeaderSent) {
		t.Errorf("late RotateID: %v", err)
	}
	must(t, r.x.Finish(ctx))
	fresh := newBrowser(t, b.m).send()
	_, _ = fresh.x.Commit(ctx, 200)
	if err := count.Set(fresh.s, 1); !errors.Is(err, core.ErrHeaderSent) {
		t.Errorf("late first write: %v", err)
	}
	must(t, fresh.x.Finish(ctx)) // the handler was told
	// A late logout still ends the session.
	r = b.send()
	_, _ = r.x.Commit(ctx, 200)
	must(t, r.s.Logout())
	must(t, r.x.Finish(ctx))
	if _, live := b.value(count); live {
		t.Error("alive after a late logout")
	}
}

// Save without a change tells whether the session is still there.
func TestSaveWithoutChanges(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	must(t, b.send().s.Save(ctx)) // nothing is there, and nothing is missed
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	for what, c := range map[string]struct {
		other func(*core.Session)
		want  error
	}{
		"nothing": {read, nil}, "values": {func(s *core.Session) { must(t, count.Set(s, 2)) }, nil},
		"rotation": {func(s *core.Session) { must(t, s.RotateID()) }, nil},
		"logout":   {func(s *core.Session) { must(t, s.Logout()) }, core.ErrEnded},
		"login":    {func(s *core.Session) { must(t, s.Login("alice")) }, core.ErrEnded},
		"revoked":  {func(s *core.Session) { must(t, m.Revoke(context.Background(), s.ID())) }, core.ErrEnded},
	} {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		stream := b.send()
		_, err := stream.x.Commit(ctx, 200)
		must(t, err)
		b.visit(c.other)
		if err := stream.s.Save(ctx); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
		must(t, stream.x.Finish(ctx))
	}
	stream := b.send()
	fault.Before(storetest.Outage)
	if err := stream.s.Save(ctx); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("outage: %v", err)
	}
}

// Given a session whose record was damaged, when a stream asks with Save whether it is still there, then that is no yes.
func TestSaveSeesADamagedRecord(t *testing.T) {
	store := damaging{Store: made.Of(memstore.New(memstore.Config{})), bad: map[driver.ID]bool{}}
	m := newManager(t, core.Config{Store: store})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	b.visit(func(s *core.Session) {
		must(t, s.Save(ctx))
		store.bad[s.ID()] = true
		if err := s.Save(ctx); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("Save: %v", err)
		}
	})
}

// damaging has no record where it has one.
type damaging struct {
	driver.Store
	bad map[driver.ID]bool
}

func (d damaging) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if d.bad[id] {
		return driver.Record{}, driver.Corrupt("damaging")
	}
	return d.Store.Load(ctx, id)
}

// A save that fails after the header is an error of Finish: the client must not take the response for whole.
func TestFinishTellsWhatNobodyKnows(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	b := newBrowser(t, newManager(t, core.Config{Store: fault.Store()}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	late := func() *request {
		r := b.send()
		_, err := r.x.Commit(ctx, 200)
		must(t, err)
		must(t, count.Set(r.s, 2))
		return r
	}
	r := late()
	fault.Before(storetest.On("Update"))
	if err := r.x.Finish(ctx); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("outage: %v", err)
	}
	fault.Reset()
	r = late()
	b.copyOf().visit(func(s *core.Session) { must(t, s.Logout()) })
	if err := r.x.Finish(ctx); !errors.Is(err, core.ErrEnded) {
		t.Errorf("ended meanwhile: %v", err)
	}
}

// A Save that failed has told the handler. Finish tries once more, and says nothing new unless the handler did more.
func TestFinishAfterAFailedSave(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	b := newBrowser(t, newManager(t, core.Config{Store: fault.Store()}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	for name, c := range map[string]struct {
		more func(*core.Session)
		told bool
	}{
		"nothing more":    {func(*core.Session) {}, true},
		"another change":  {func(s *core.Session) { must(t, count.Set(s, 3)) }, false},
		"another message": {func(s *core.Session) { must(t, s.AddFlash("info", "x")) }, false},
		"Logout":          {func(s *core.Session) { must(t, s.Logout()) }, false},
	} {
		r := b.send()
		_, err := r.x.Commit(ctx, 200)
		must(t, err)
		must(t, count.Set(r.s, 2))
		fault.Before(storetest.Outage)
		if err := r.s.Save(ctx); !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("%s: Save: %v", name, err)
		}
		c.more(r.s)
		if err := r.x.Finish(ctx); (err == nil) != c.told {
			t.Errorf("%s: Finish: %v", name, err)
		}
		fault.Reset()
	}
}
