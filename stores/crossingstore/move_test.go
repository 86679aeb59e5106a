package crossingstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// TestMove: all records arrive as they were, and the old store is empty.
func TestMove(t *testing.T) {
	const n = 500
	for _, options := range []crossingstore.MoveOptions{{}, {Parallel: 1}, {Verify: true}} {
		to, from := newMemory(), newMemory()
		s := open(t, to, from, crossingstore.Config{})
		recs := fill(t, from, n)
		calls, last := 0, crossingstore.Progress{}
		options.Progress = func(p crossingstore.Progress) { calls, last = calls+1, p }
		got, err := s.Move(t.Context(), options)
		must(t, err)
		if want := (crossingstore.Progress{Moved: n}); got != want || last != want || calls != n || from.Len() != 0 || to.Len() != n {
			t.Errorf("%+v, told %+v in %d calls; %d left, %d arrived", got, last, calls, from.Len(), to.Len())
		}
		for _, rec := range recs {
			now, err := to.Load(t.Context(), rec.ID)
			must(t, err)
			if !equal(&now, rec) {
				t.Errorf("arrived as\n%+v, was\n%+v", now, rec)
			}
		}
		again, err := s.Move(t.Context(), options)
		must(t, err)
		if again != (crossingstore.Progress{}) {
			t.Errorf("a second time: %+v", again)
		}
	}
}

// TestMoveAfterCrash: a Move ends what servers and other Moves have begun.
func TestMoveAfterCrash(t *testing.T) {
	to, from := newMemory(), newMemory()
	recs := fill(t, from, 40)
	for i, rec := range recs {
		fault := storetest.NewFault(to)
		left := storetest.NewFault(from)
		s := open(t, fault.Store(), left.Store(), crossingstore.Config{})
		switch i % 4 {
		case 1:
			fault.After(storetest.On("Create"))
		case 2:
			fault.After(storetest.On("Update"))
		case 3:
			left.Before(storetest.On("Delete"))
		}
		_, err := s.Load(t.Context(), rec.ID)
		if failed := i%4 == 1 || i%4 == 2; failed != (err != nil) {
			t.Fatal(i, err)
		}
	}
	if from.Len() != 30 {
		t.Fatalf("%d left", from.Len())
	}
	s := open(t, to, from, crossingstore.Config{})
	p, err := s.Move(t.Context(), crossingstore.MoveOptions{Verify: true})
	must(t, err)
	if p.Moved != 30 || from.Len() != 0 || to.Len() != 40 {
		t.Errorf("%+v, %d left, %d arrived", p, from.Len(), to.Len())
	}
	for _, rec := range recs {
		now, err := s.Load(t.Context(), rec.ID)
		must(t, err)
		if !equal(&now, rec) {
			t.Errorf("arrived as\n%+v, was\n%+v", now, rec)
		}
	}
}

// TestMoveGoesOn: records that cannot be moved stay, and are named.
func TestMoveGoesOn(t *testing.T) {
	dir := filepath.Join(made.MemoryDir(t), "old")
	from, to := openFiles(t, dir), made.Of(memstore.New(memstore.Config{MaxBytes: 20_000}))
	s := open(t, to, from, crossingstore.Config{})
	recs := fill(t, from, 30)
	setFormat(t, dir, recs[3].ID, 2)
	must(t, os.WriteFile(fileOf(dir, recs[4].ID), []byte("junk"), 0o600))
	large := record(99)
	large.Data = make([]byte, 30_000)
	must(t, from.Create(t.Context(), large))
	p, err := s.Move(t.Context(), crossingstore.MoveOptions{})
	if p.Moved != 28 || p.Failed != 1 || !errors.Is(err, driver.ErrTooLarge) || !errors.Is(err, driver.ErrUnreadable) && !errors.Is(err, driver.ErrCorrupt) {
		t.Errorf("%+v, %v", p, err)
	}
	left := 0
	for _, err := range driver.AbilitiesOf(from).Lister.All(t.Context()) {
		if err == nil {
			left++
		}
	}
	if left != 1 || to.Len() < 28 {
		t.Errorf("%d left, %d arrived", left, to.Len())
	}
}

// TestMoveInterrupted: it ends soon, and the next one does the rest.
func TestMoveInterrupted(t *testing.T) {
	to, from := newMemory(), newMemory()
	s := open(t, to, from, crossingstore.Config{})
	fill(t, from, 200)
	ctx, cancel := context.WithCancel(t.Context())
	first, err := s.Move(ctx, crossingstore.MoveOptions{Parallel: 2, Progress: func(p crossingstore.Progress) {
		if p.Moved == 50 {
			cancel()
		}
	}})
	wantError(t, err, context.Canceled)
	if first.Moved < 50 || first.Moved > 60 {
		t.Errorf("%+v", first)
	}
	second, err := s.Move(t.Context(), crossingstore.MoveOptions{})
	must(t, err)
	if first.Moved+second.Moved != 200 || from.Len() != 0 {
		t.Errorf("%+v, then %+v, %d left", first, second, from.Len())
	}
}

// liar acknowledges writes and keeps something else.
type liar struct{ *memstore.Store }

func (l liar) Update(ctx context.Context, rec *driver.Record) error {
	other := *rec
	other.Data = []byte("something else")
	err := l.Store.Update(ctx, &other)
	rec.Version = other.Version
	return err
}

func TestMoveVerifies(t *testing.T) {
	to, from := newMemory(), newMemory()
	fill(t, from, 20)
	p, err := open(t, liar{to}, from, crossingstore.Config{}).Move(t.Context(), crossingstore.MoveOptions{Verify: true})
	if p.Failed != 20 || err == nil || from.Len() != 20 {
		t.Errorf("%+v, %v; %d left", p, err, from.Len())
	}
}

func TestMoveRefuses(t *testing.T) {
	from := newMemory()
	fill(t, from, 3)
	s := open(t, newMemory(), from, crossingstore.Config{})
	if _, err := s.Move(t.Context(), crossingstore.MoveOptions{Parallel: -1}); err == nil {
		t.Error("Parallel -1 is accepted")
	}
	noList := open(t, newMemory(), plain{from}, crossingstore.Config{})
	_, err := noList.Move(t.Context(), crossingstore.MoveOptions{})
	wantError(t, err, errors.ErrUnsupported)
	// Two handles on one storage, as from a URL that was copied.
	dir := made.MemoryDir(t)
	a, b := openFiles(t, filepath.Join(dir, "sessions")), openFiles(t, filepath.Join(dir, "sessions"))
	fill(t, a, 3)
	if _, err := open(t, a, b, crossingstore.Config{}).Move(t.Context(), crossingstore.MoveOptions{}); err == nil {
		t.Error("the same folder twice is accepted")
	}
	if n := len(ids(t, driver.AbilitiesOf(a).Lister.All(t.Context()))); n != 3 {
		t.Errorf("%d records are left", n)
	}
}

// plain is a store without abilities.
type plain struct{ driver.Store }

func (plain) Abilities() driver.Abilities { return driver.Abilities{} }
