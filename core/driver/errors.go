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

	// ErrUnreadable: the record is whole, and this process cannot read it. Of a store it says that a newer
	// release wrote the record, in a format that this one does not know. It is left as it is.
	ErrUnreadable = errors.New("session was written by a newer release, or with another codec or key")

	// ErrIncomplete ends a walk of [Indexer] after all that the index knows: the storage may have lost a part of the
	// index, or all, and cannot tell whether it did. The records may be there all the same.
	ErrIncomplete = errors.New("the list of sessions may not be whole")
)

// Unavailable wraps what a client library or the operating system said, so
// that errors.Is finds ErrUnavailable and errors.As finds err. what starts with
// the package's name: "filestore: write".
func Unavailable(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
}

// Unreadable says that a record is in a newer format.
func Unreadable(what string) error {
	return fmt.Errorf("%s: %w", what, ErrUnreadable)
}

// Corrupt says that bytes came back which are no record. It must not quote them.
func Corrupt(what string) error {
	return fmt.Errorf("%s: %w", what, ErrCorrupt)
}
