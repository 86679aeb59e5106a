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

// put writes rec. Until now the index had its session under oldEntries. The order makes this safe. The name points to
// the new file only after the whole file and its markers are on the disk. Markers are removed only after the record no
// longer has them.
func (s *Store) put(l *locked, rec *driver.Record, oldEntries []entry) error {
	entries := entriesOf(rec.Subject, rec.Labels)
	added := without(entries, oldEntries)
	if err := s.addMarkers(rec.ID, added); err != nil {
		return err
	}
	temp, err := s.writeTemp(rec.ID[0], encode(rec), true)
	if err != nil {
		return err
	}
	// Synced after the file: the journal that was written for the file has the markers, too.
	err = s.syncMarkers(added)
	if err == nil {
		err = s.root.Rename(temp, fileName(rec.ID))
	}
	if err != nil {
		s.root.Remove(temp)
		return err
	}
	if err := syncDir(l.dir); err != nil {
		return err
	}
	s.removeMarkers(rec.ID, without(oldEntries, entries))
	return nil
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

// writeTemp writes b to a new file in the shard's folder. After an error it leaves no file behind.
func (s *Store) writeTemp(shard byte, b []byte, sync bool) (name string, err error) {
	name = shardName(shard) + "/" + tempPrefix + strconv.FormatUint(rand.Uint64(), 36)
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	err = f.Chmod(0o600) // the umask may have removed too many permissions
	if err == nil {
		_, err = f.Write(b)
	}
	if err == nil && sync {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		s.root.Remove(name)
		return "", err
	}
	return name, nil
}
