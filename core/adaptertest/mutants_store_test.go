package adaptertest

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// storeMutants are stores with one mistake each, under a correct adapter, and a rule of RunStore that must fail for it.
var storeMutants = []struct {
	name string
	make func(*memstore.Store) driver.Store
	rule string
}{
	{"Update brings back what was deleted", func(s *memstore.Store) driver.Store { return updateCreates{s} }, "RevokeSubject against rotation without pause"},
	{"Update brings back what was deleted", func(s *memstore.Store) driver.Store { return updateCreates{s} }, "table: changes meet an end"},
	{"Update does not look at the version", func(s *memstore.Store) driver.Store { return ignoresVersions{s} }, "a visitor's stream"},
	{"Update does not look at the version", func(s *memstore.Store) driver.Store { return ignoresVersions{s} }, "table: changes meet changes"},
	{"Update does not look at the version", func(s *memstore.Store) driver.Store { return ignoresVersions{s} }, "overlapping writes and rotations"},
	{"Update does not look at the version", func(s *memstore.Store) driver.Store { return ignoresVersions{s} }, "table: Flashes meet changes"},
	{"Update does not look at the version", func(s *memstore.Store) driver.Store { return ignoresVersions{s} }, "a change beside the visitor's own sign-in"},
	{"the index loses what was updated", func(s *memstore.Store) driver.Store { return losesUpdatedFromIndex{s} }, "RevokeSubject against rotation without pause"},
	{"Delete does nothing", func(s *memstore.Store) driver.Store { return neverDeletes{s} }, "table: its own Revoke"},
	{"Delete does nothing", func(s *memstore.Store) driver.Store { return neverDeletes{s} }, "sign out everywhere else"},
	{"Delete does nothing", func(s *memstore.Store) driver.Store { return neverDeletes{s} }, "Done in a stream"},
	{"Delete does nothing", func(s *memstore.Store) driver.Store { return neverDeletes{s} }, "Done of a socket"},
	{"Delete does nothing", func(s *memstore.Store) driver.Store { return neverDeletes{s} }, "table: a Create whose answer is lost"},
}

func TestStoreMutants(t *testing.T) {
	for _, mutant := range storeMutants {
		t.Run(mutant.name+"/"+mutant.rule, func(t *testing.T) {
			t.Parallel()
			if !ruleOf(t, mutant.rule).store {
				t.Error("RunStore leaves out a rule that sees a broken store")
			}
			failures := failuresOnStore(t, func(testing.TB) func(testing.TB) driver.Store {
				store := mutant.make(made.Of(memstore.New(memstore.Config{})))
				return func(testing.TB) driver.Store { return store }
			}, none, mutant.rule)
			if len(failures) == 0 {
				t.Fatal("not seen")
			}
			t.Log(failures[0])
		})
	}
}

type updateCreates struct{ *memstore.Store }

func (s updateCreates) Update(ctx context.Context, rec *driver.Record) error {
	time.Sleep(2 * time.Millisecond) // time for a Delete
	err := s.Store.Update(ctx, rec)
	if errors.Is(err, driver.ErrNotFound) {
		return s.Create(ctx, rec)
	}
	return err
}

// ignoresVersions lacks Successor, so that core makes an Update in its place.
type ignoresVersions struct{ *memstore.Store }

func (s ignoresVersions) Abilities() driver.Abilities {
	has := driver.AbilitiesOf(s.Store)
	has.Successor = nil
	return has
}

func (s ignoresVersions) Update(ctx context.Context, rec *driver.Record) error {
	if now, err := s.Load(ctx, rec.ID); err == nil {
		rec.Version = now.Version
	}
	return s.Store.Update(ctx, rec)
}

type losesUpdatedFromIndex struct{ *memstore.Store }

func (s losesUpdatedFromIndex) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		for rec, err := range s.Store.BySubject(ctx, subject) {
			if now, failed := s.Load(ctx, rec.ID); failed == nil && now.Version > 1 {
				continue
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

type neverDeletes struct{ *memstore.Store }

func (neverDeletes) Delete(context.Context, driver.ID) error { return nil }
