package filestore

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// tempPrefix is the prefix of the names of files that are being written.
const tempPrefix = "tmp-"

// Sync says which changes are on the disk before a call returns. Whatever it is, all changes survive the end of the
// process, also if it is killed: the operating system has them.
type Sync uint8

const (
	// SyncAll syncs each Create, Update and Delete. A power failure loses none of them.
	SyncAll Sync = iota

	// SyncEnds syncs what ends a session: Delete, an Update after which it has ended (Logout and Login write one for the
	// old session), and the removals of CreateLimited. So a session that was ended stays ended. RotateID ends no
	// session: after a power failure, the former token may open it again.
	//
	// All other changes reach the disk when the operating system writes them, on Linux within half a minute. A power
	// failure, or a crash of the operating system, loses those that have not: a new session is gone, and a changed
	// one is in an earlier state or gone. A file that is empty, cut off or has a wrong checksum then counts as
	// absent. The first call that comes to it removes it and logs a warning. A session that is left may be missing from
	// the index of its user, and so from RevokeSubject, until the next full pass of Sweep.
	//
	// The file of a session with up to 6 KiB has about 2.5 times its size, because it keeps the former state, too. If
	// the last state is damaged on the disk, at any time, the session is in the former one, and a line in the log says so.
	// After a power failure in the middle of a block of the disk, that may be the state before two changes.
	SyncEnds
)

// ended is a variable for tests, whose records look ended.
var ended = driver.Ended

// syncs reports whether a write of rec must be on the disk before it is answered.
func (s *Store) syncs(rec *driver.Record) bool { return s.sync == SyncAll || ended(rec.Data) }

// file returns a new file for rec.
func (s *Store) file(rec *driver.Record) []byte {
	if s.syncs(rec) {
		return encode(rec)
	}
	return twoAreas(encode(rec))
}

// put writes rec. Until now the index had its session under oldEntries. The order makes this safe. The name points to
// the new file only after the whole file and its markers are on the disk. Markers are removed only after the record no
// longer has them.
func (s *Store) put(l *locked, rec *driver.Record, oldEntries []entry) error {
	entries := entriesOf(rec.Subject, rec.Labels)
	added := without(entries, oldEntries)
	if err := s.addMarkers(rec.ID, added); err != nil {
		return err
	}
	sync := s.syncs(rec)
	temp, err := s.writeTemp(l.root, "", s.file(rec), sync)
	if err != nil {
		return err
	}
	// Synced after the file: the journal that was written for the file has the markers, too.
	if sync {
		err = s.syncMarkers(added)
	}
	if err == nil {
		err = l.root.Rename(temp, fileName(rec.ID)[3:])
	}
	if err != nil {
		l.root.Remove(temp)
		return err
	}
	if sync {
		if err := syncDir(l.dir); err != nil {
			return err
		}
	}
	s.removeMarkers(rec.ID, without(oldEntries, entries))
	return nil
}

// putNew writes rec without a sync. fs.ErrExist: there is something in its place. The file has its name from the start,
// so whoever reads it too early finds it torn, and so absent.
func (s *Store) putNew(l *locked, rec *driver.Record) error {
	if err := s.addMarkers(rec.ID, entriesOf(rec.Subject, rec.Labels)); err != nil {
		return err
	}
	return s.writeNew(l.root, fileName(rec.ID)[3:], s.file(rec), false)
}

// without returns the entries of a that are not in b.
func without(a, b []entry) (rest []entry) {
	for _, e := range a {
		if !slices.Contains(b, e) {
			rest = append(rest, e)
		}
	}
	return rest
}

// writeTemp writes b to a new file. in is the folder inside dir, "" or with a slash at its end. After an error it leaves
// no file behind.
func (s *Store) writeTemp(dir *os.Root, in string, b []byte, sync bool) (name string, err error) {
	name = in + tempPrefix + strconv.FormatUint(rand.Uint64(), 36)
	return name, s.writeNew(dir, name, b, sync)
}

// fsync is a variable for tests, which count the calls.
var fsync = (*os.File).Sync

// writeNew writes b to a new file. After an error it leaves no file behind.
func (s *Store) writeNew(dir *os.Root, name string, b []byte, sync bool) error {
	f, err := s.create(dir, name)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil && sync {
		err = fsync(f)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		dir.Remove(name)
	}
	return err
}

// create makes a file that only its owner can read and write.
func (s *Store) create(dir *os.Root, name string) (*os.File, error) {
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|nonblock, 0o600)
	if err == nil && s.chmod {
		if err = f.Chmod(0o600); err != nil {
			f.Close()
			dir.Remove(name)
		}
	}
	return f, err
}
