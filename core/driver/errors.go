package driver

import (
	"errors"
	"fmt"
)

// What a store may answer. See [Store] for which method answers what.
var (
	ErrNotFound    = errors.New("session not found")
	ErrExists      = errors.New("session exists")
	ErrConflict    = errors.New("session was changed by another request")
	ErrTooLarge    = errors.New("session too large")
	ErrCorrupt     = errors.New("session data corrupt")
	ErrUnavailable = errors.New("session store unavailable")
)

// Unavailable wraps what a client library or the operating system said, so
// that errors.Is finds ErrUnavailable and errors.As finds err. what starts with
// the package's name: "filestore: write".
func Unavailable(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
}

// Corrupt says that bytes came back which are no record. It must not quote them.
func Corrupt(what string) error {
	return fmt.Errorf("%s: %w", what, ErrCorrupt)
}
