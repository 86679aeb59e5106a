package core_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// After EraseSubject no file and no name of a file in the store's folder holds the user's name.
func TestEraseLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sessions")
	m := newManager(t, core.Config{Store: made.Of(filestore.New(dir, filestore.Config{}))})
	const user = "alice@example.com"
	holds := func() (found []string) {
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && !strings.Contains(path, user) {
				return err
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(user)) || strings.Contains(path, user) {
				found = append(found, path)
			}
			return err
		}))
		return found
	}
	b, _ := userOf(t, m, user)
	b.visit(func(s *core.Session) { must(t, s.Login(user)) }) // the session that it replaces keeps the name for a while
	userOf(t, m, "bob")
	if len(holds()) < 2 {
		t.Fatalf("before: %q", holds())
	}
	n, err := m.EraseSubject(ctx, user)
	if n != 1 || err != nil {
		t.Errorf("EraseSubject = %d, %v", n, err)
	}
	if left := holds(); left != nil {
		t.Errorf("left: %q", left)
	}
	if sessions(t, m) != 1 {
		t.Error("bob's session has gone, too")
	}
}

// partial is a store whose lists of a user may lack some, like memcached's.
type partial struct{ indexed }

func (s partial) Abilities() driver.Abilities {
	return driver.Abilities{Indexer: s, Lister: driver.AbilitiesOf(s.Store).Lister}
}

func (s partial) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		for rec, err := range driver.AbilitiesOf(s.Store).Indexer.BySubject(ctx, subject) {
			if !yield(rec, err) {
				return
			}
		}
		yield(driver.Record{}, driver.ErrIncomplete)
	}
}

func (s partial) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return driver.AbilitiesOf(s.Store).Indexer.ByLabel(ctx, label)
}

// If the list of a user may lack some, no other call gets further: EraseSubject removes what it finds, and says so.
func TestErasePartial(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: partial{indexed{store}}})
	b, _ := userOf(t, m, "alice")
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	n, err := m.EraseSubject(ctx, "alice")
	if n != 1 || !errors.Is(err, core.ErrIncomplete) {
		t.Errorf("EraseSubject = %d, %v", n, err)
	}
	for rec, err := range store.All(ctx) {
		must(t, err)
		if rec.Subject != "" {
			t.Errorf("a record still names %s", rec.Subject)
		}
	}
}
