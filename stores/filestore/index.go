package filestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The index consists of markers, which are empty files. There is one marker for each session and each name under
// which the session is found. The markers of subjects and of labels are in these two folders, and there in 256 folders
// by the hash of the name.
//
// A marker is made and synced before the record gets the name, so no marker is missing. With SyncEnds it is not synced:
// file systems with a journal (ext4, XFS, APFS, NTFS) keep the order of names, and on others a pass of Sweep makes what a
// power failure has taken. A marker may be left over. It
// is removed by the next walk that finds it. Markers change under the lock of the record.
const (
	subjectIndex = "subject"
	labelIndex   = "label"
)

// entry is a name under which the index finds a session. The folder distinguishes a subject from a label with the
// same text.
type entry struct{ folder, name string }

// entriesOf returns the entries of a record. An empty name has no entry, because nothing is found under it.
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

// place returns the folder of the entry's markers, such as "subject/ab", and the prefix of their names: 30 digits of
// the name's hash and "-".
func (e entry) place() (dir, prefix string) {
	sum := sha256.Sum256([]byte(e.name))
	return e.folder + "/" + shardName(sum[0]), hex.EncodeToString(sum[1:16]) + "-"
}

func (e entry) marker(id driver.ID) string {
	dir, prefix := e.place()
	return dir + "/" + prefix + id.String()
}

// addMarkers makes the markers of a session. They survive a power failure after syncMarkers.
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
	f, err := s.create(s.root, e.marker(id))
	if errors.Is(err, fs.ErrExist) {
		return nil // only the name counts, so it need not be a file
	}
	if err != nil {
		return err
	}
	return f.Close()
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

// removeMarkers ignores errors, because BySubject and ByLabel notice a marker that is left over.
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

// BySubject implements driver.Indexer. A file that is damaged or has a newer format does not stop it. The error comes
// after all other records, so that one damaged file cannot keep a user logged in.
func (s *Store) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return s.find(ctx, entry{subjectIndex, subject})
}

// ByLabel implements driver.Indexer. Errors are as in BySubject.
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

// markedIDs yields the IDs that have a marker of the entry.
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

// removeStaleMarker looks again under the lock, and removes the marker if the record does not have the name. Without
// the lock, a login might have made the marker and not yet the record.
func (s *Store) removeStaleMarker(ctx context.Context, id driver.ID, e entry) {
	l, err := s.lock(ctx, id[0])
	if err != nil {
		return
	}
	defer l.unlock()
	h, err := s.peekLocked(id)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !slices.Contains(h.entries(), e) {
		s.removeMarkers(id, []entry{e})
	}
}
