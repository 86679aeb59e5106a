package ownstore

import (
	"os"
	"testing"
)

// Hold takes the lock of the store: calls wait until release.
func (s *Store) Hold() (release func()) {
	s.turn <- struct{}{}
	return func() { <-s.turn }
}

// ReadOnly takes the right to write, as a file system does that is mounted anew after an error.
func (s *Store) ReadOnly(tb testing.TB) (end func()) {
	file, err := os.Open(s.path)
	if err != nil {
		tb.Fatal(err)
	}
	swap := func() {
		release := s.Hold()
		s.file, file = file, s.file
		release()
	}
	swap()
	return func() { swap(); _ = file.Close() }
}
