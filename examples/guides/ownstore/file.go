package ownstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// New opens the file at path, or begins one. The folder must be there. From now on the file is this Store's, and every
// other Store that had it gets driver.ErrUnavailable.
func New(path string, config Config) (*Store, error) {
	s := &Store{path: path, now: config.Now, turn: make(chan struct{}, 1), at: map[driver.ID]place{}}
	if s.now == nil {
		s.now = time.Now
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, driver.Unavailable("ownstore: open", err)
	}
	lines, err := last(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	if err := s.begin(lines); err != nil {
		return nil, driver.Unavailable("ownstore: open", err)
	}
	return s, nil
}

// last returns the last line of each record that was not deleted. The end of the text may be damaged: nobody was told
// that it was stored. Damage elsewhere is an error, since a Delete may be lost in it.
func last(text []byte) (map[driver.ID][]byte, error) {
	lines, n, damaged := map[driver.ID][]byte{}, 0, false
	for line := range bytes.Lines(text) {
		if n++; damaged {
			return nil, fmt.Errorf("%w in line %d", driver.Corrupt("ownstore"), n-1)
		}
		rec, err := parse(line)
		switch {
		case errors.Is(err, driver.ErrCorrupt), line[len(line)-1] != '\n':
			damaged = true
		case errors.Is(err, driver.ErrNotFound):
			delete(lines, rec.ID)
		default:
			lines[rec.ID] = line
		}
	}
	return lines, nil
}

// begin writes a new file with the lines that are worth it, and puts it in the place of the old one.
func (s *Store) begin(lines map[driver.ID][]byte) (err error) {
	if s.file, err = os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+"-*"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = s.file.Close()
			_ = os.Remove(s.file.Name())
		}
	}()
	for id, line := range lines {
		rec, err := parse(line)
		if err == nil && !rec.Live(s.now()) {
			continue
		}
		if _, err := s.file.WriteAt(line, s.size); err != nil {
			return err
		}
		s.at[id] = place{s.size, len(line), rec.Expires}
		s.size += int64(len(line))
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	if s.info, err = s.file.Stat(); err != nil {
		return err
	}
	if err := os.Rename(s.file.Name(), s.path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(s.path)) // or a power failure brings the old file back
}

func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// read returns the record under id, live or not.
func (s *Store) read(id driver.ID) (driver.Record, error) {
	p, ok := s.at[id]
	if !ok {
		return driver.Record{}, errNotFound
	}
	text := make([]byte, p.length)
	if _, err := s.file.ReadAt(text, p.offset); err != nil {
		return driver.Record{}, driver.Unavailable("ownstore: read", err)
	}
	return parse(text)
}

// write appends the line for rec.
func (s *Store) write(rec *driver.Record) error {
	text, err := encode(rec)
	if err != nil {
		return driver.Unavailable("ownstore: encode", err)
	}
	offset, err := s.append(text)
	if err != nil {
		return err
	}
	s.at[rec.ID] = place{offset, len(text), rec.Expires}
	return nil
}

// append writes a line and waits until it is on the disk. Before that, it cuts off what a call that failed has left: that
// call said ErrUnavailable, and core has gone on without it.
func (s *Store) append(text []byte) (offset int64, err error) {
	err = s.file.Truncate(s.size)
	if err == nil {
		_, err = s.file.WriteAt(text, s.size)
	}
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return 0, driver.Unavailable("ownstore: write", err)
	}
	offset = s.size
	s.size += int64(len(text))
	return offset, nil
}
