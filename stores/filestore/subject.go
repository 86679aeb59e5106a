package filestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// subjects is the folder of the index: an empty file for each session that has a
// subject, named after both, in 256 folders by the subject's hash. A marker is made and synced
// before the record names the subject, so none is missing; one may be left over, and
// goes when someone looks. Markers change under the lock of the record.
const subjects = "subject"

// markerName is "subject/ab/", 30 digits of the subject's hash, "-" and the ID.
func markerName(subject string, id driver.ID) string {
	dir, prefix := markerPrefix(subject)
	return dir + "/" + prefix + id.String()
}

func markerPrefix(subject string) (dir, prefix string) {
	sum := sha256.Sum256([]byte(subject))
	return subjects + "/" + shardName(sum[0]), hex.EncodeToString(sum[1:16]) + "-"
}

// mark makes a marker and returns its folder, which the caller has to sync.
func (s *Store) mark(subject string, id driver.ID) (*os.File, error) {
	parent, _ := markerPrefix(subject)
	dir, err := s.openDir(parent)
	if err != nil {
		return nil, err
	}
	f, err := s.root.OpenFile(markerName(subject, id), os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Chmod(0o600) // whatever the umask
		if e := f.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

// unmark may fail: a marker too many is found out by BySubject.
func (s *Store) unmark(subject string, id driver.ID) {
	if subject != "" {
		s.root.Remove(markerName(subject, id))
	}
}

// BySubject implements driver.Indexer. Damaged files do not stop it: the error comes
// after all the records, so that one bad file cannot keep a user logged in.
func (s *Store) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return s.records(ctx, s.marked(ctx, subject), func(id driver.ID, rec *driver.Record) bool {
		if rec != nil && rec.Subject == subject {
			return true
		}
		s.unmarkStale(ctx, subject, id)
		return false
	})
}

// marked yields the IDs that the index has for a subject.
func (s *Store) marked(ctx context.Context, subject string) iter.Seq2[driver.ID, error] {
	return func(yield func(driver.ID, error) bool) {
		if subject == "" {
			return
		}
		name, prefix := markerPrefix(subject)
		names, err := s.dirNames(ctx, name)
		if err != nil {
			yield(driver.ID{}, err)
			return
		}
		for _, name := range names {
			rest, ok := strings.CutPrefix(name, prefix)
			if id, err := driver.ParseID(rest); ok && err == nil && !yield(id, nil) {
				return
			}
		}
	}
}

func (s *Store) dirNames(ctx context.Context, name string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := s.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// unmarkStale looks again under the lock, where no login can be half done.
func (s *Store) unmarkStale(ctx context.Context, subject string, id driver.ID) {
	l, err := s.lock(ctx, id[0])
	if err != nil {
		return
	}
	defer l.unlock()
	h, err := s.peek(id)
	if errors.Is(err, fs.ErrNotExist) || err == nil && h.subject != subject {
		s.unmark(subject, id)
	}
}
