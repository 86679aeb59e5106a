package cachedstore_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Once a write or a Reload has found that the truth's record is unreadable, the cache does not answer for it.
func TestTruthOfANewerFormat(t *testing.T) {
	for how, try := range map[string]func(s *cachedstore.Store, rec *driver.Record) error{
		"update": func(s *cachedstore.Store, rec *driver.Record) error { return s.Update(ctx, rec) },
		"touch": func(s *cachedstore.Store, rec *driver.Record) error {
			return s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Hour))
		},
		"reload": func(s *cachedstore.Store, rec *driver.Record) error { _, err := s.Reload(ctx, rec.ID); return err },
	} {
		dir := filepath.Join(t.TempDir(), "sessions")
		s := open(t, made.Of(memstore.New(memstore.Config{})), openFiles(t, dir), cachedstore.Config{})
		rec := driver.Record{ID: driver.ID{1}, Created: time.Now(), Used: time.Now(), Expires: time.Now().Add(time.Hour), Data: []byte("1")}
		must(t, s.Create(ctx, &rec))
		setFormat(t, dir, rec.ID, 2)
		if _, err := s.Load(ctx, rec.ID); err != nil {
			t.Fatalf("%s: from the cache: %v", how, err)
		}
		wantError(t, try(s, &rec), driver.ErrUnreadable)
		_, err := s.Load(ctx, rec.ID)
		wantError(t, err, driver.ErrUnreadable)
		setFormat(t, dir, rec.ID, 1)
		got, err := s.Load(ctx, rec.ID)
		if err != nil || string(got.Data) != "1" {
			t.Errorf("%s: when it can be read: %+v, %v", how, got, err)
		}
	}
}

// After the truth has refused a write, the next Load returns the state that was the reason.
func TestConflictIsSeen(t *testing.T) {
	for name, change := range changes {
		if name == "touch" {
			continue // no conflict
		}
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			p.reads(t, p.b, "data")
			mine := *p.rec
			want := change(t, p, p.truth) // the cache does not learn of it
			err := p.b.Update(t.Context(), &mine)
			if !errors.Is(err, driver.ErrConflict) && !errors.Is(err, driver.ErrNotFound) {
				t.Fatalf("Update: %v", err)
			}
			p.reads(t, p.b, want)
			p.reads(t, p.a, want)
		})
	}
}

// An Update whose answer was lost may have happened. The next Load asks the truth.
func TestUnknownOutcome(t *testing.T) {
	p := newPair(t)
	p.reads(t, p.a, "data")
	p.a.truth.After(storetest.On("Update"))
	mine := *p.rec
	mine.Data = []byte("newer")
	wantError(t, p.a.Update(t.Context(), &mine), driver.ErrUnavailable)
	p.reads(t, p.a, "newer")
	p.reads(t, p.b, "newer")
}
