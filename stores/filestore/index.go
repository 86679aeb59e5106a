package filestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The folders of the index. They hold markers, which are empty files: one for each session
// and name under which it is found, in 256 folders by the name's hash. A
// marker is made and synced before the record has the name, so none is missing; one may
// be left over, and goes when someone looks. Markers change under the lock of the record.
const (
	subjectIndex = "subject"
	labelIndex   = "label"
)

// entry is a name under which the index finds a session. The folder keeps a subject
// apart from a label of the same text.
type entry struct{ folder, name string }

// entriesOf returns the entries of a record. An empty name finds nothing and has none.
func entriesOf(subject string, labels []string) (all []entry) {
	if subject != "" {
		all = append(all, entry{subjectIndex, subject})
	}
	for _, label := range labels {
		if label != "" {
			all = append(all, entry{labelIndex, label})
		}
	}
	return all
}

func (h *head) entries() []entry { return entriesOf(h.subject, h.labels) }

// place returns the folder of the entry's markers, "subject/ab", and what their names
// begin with: 30 digits of the name's hash and "-".
func (e entry) place() (dir, prefix string) {
	sum := sha256.Sum256([]byte(e.name))
	return e.folder + "/" + shardName(sum[0]), hex.EncodeToString(sum[1:16]) + "-"
}

func (e entry) marker(id driver.ID) string {
	dir, prefix := e.place()
	return dir + "/" + prefix + id.String()
}

// addMarkers makes the markers of a session. They last once syncMarkers has answered, too.
func (s *Store) addMarkers(id driver.ID, entries []entry) error {
	for _, e := range entries {
		if err := s.makeMarker(id, e); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) makeMarker(id driver.ID, e entry) error {
	parent, _ := e.place()
	dir, err := s.openDir(parent)
	if err != nil {
		return err
	}
	dir.Close()
	f, err := s.root.OpenFile(e.marker(id), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // the name is what counts, whatever has it
	}
	if err != nil {
		return err
	}
	err = f.Chmod(0o600) // whatever the umask
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func (s *Store) syncMarkers(entries []entry) error {
	for _, e := range entries {
		parent, _ := e.place()
		dir, err := s.openDir(parent)
		if err != nil {
			return err
		}
		err = syncDir(dir)
		dir.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// removeMarkers may fail: BySubject and ByLabel find out a marker too many.
func (s *Store) removeMarkers(id driver.ID, entries []entry) {
	for _, e := range entries {
		s.root.Remove(e.marker(id))
	}
}

// missingMarkers returns the entries of a record that have no marker.
func (s *Store) missingMarkers(h *head) (missing []entry) {
	for _, e := range h.entries() {
		if _, err := s.root.Lstat(e.marker(h.id)); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, e)
		}
	}
	return missing
}

// BySubject implements driver.Indexer. Files that are damaged or of a newer format do not stop it: the
// error comes after all the records, so that one bad file cannot keep a user logged in.
func (s *Store) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return s.find(ctx, entry{subjectIndex, subject})
}

// ByLabel implements driver.Indexer, as BySubject does.
func (s *Store) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return s.find(ctx, entry{labelIndex, label})
}

func (s *Store) find(ctx context.Context, e entry) iter.Seq2[driver.Record, error] {
	return s.walk(ctx, s.markedIDs(ctx, e), func(id driver.ID, rec *driver.Record) bool {
		if rec != nil && slices.Contains(entriesOf(rec.Subject, rec.Labels), e) {
			return true
		}
		s.removeStaleMarker(ctx, id, e)
		return false
	})
}

// markedIDs yields the IDs that the index has for an entry.
func (s *Store) markedIDs(ctx context.Context, e entry) iter.Seq2[driver.ID, error] {
	return func(yield func(driver.ID, error) bool) {
		if e.name == "" {
			return
		}
		dir, prefix := e.place()
		names, err := s.dirNames(ctx, dir)
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
	dir, err := s.openFolder(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// removeStaleMarker looks again under the lock, where no login can be half done.
func (s *Store) removeStaleMarker(ctx context.Context, id driver.ID, e entry) {
	l, err := s.lock(ctx, id[0])
	if err != nil {
		return
	}
	defer l.unlock()
	h, err := s.peek(id)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !slices.Contains(h.entries(), e) {
		s.removeMarkers(id, []entry{e})
	}
}
