package driver

import (
	"errors"
	"fmt"
)

// The errors that a store may return. [Store] says which method returns which.
var (
	ErrNotFound    = errors.New("session not found")
	ErrExists      = errors.New("session exists")
	ErrConflict    = errors.New("session was changed by another request")
	ErrTooLarge    = errors.New("session too large")
	ErrCorrupt     = errors.New("session data corrupt")
	ErrUnavailable = errors.New("session store unavailable")

	// ErrLimit: the user has as many sessions as a [Limit] allows. Nothing was changed.
	ErrLimit = errors.New("too many sessions of this user")

	// ErrUnreadable: the record is whole, but this process cannot read it. From a store it means that a newer release
	// wrote the record, in a format that this release does not know. The record is left as it is.
	ErrUnreadable = errors.New("session was written by a newer release, or with another codec or key")

	// ErrIncomplete ends a walk of [Indexer], after all records that the index knows. The storage may have lost a
	// part of the index, or all of it, and cannot tell whether it did. The records themselves may still be there.
	ErrIncomplete = errors.New("the list of sessions may be incomplete")
)

// Unavailable wraps an error of a client library or the operating system: errors.Is finds ErrUnavailable, and
// errors.As finds err. what starts with the package's name: "filestore: write". The text of err must show no Subject,
// Label or Data: some libraries quote the values of a query.
func Unavailable(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
}

// Unreadable says that a record is of a newer format. what is as for Unavailable.
func Unreadable(what string) error {
	return fmt.Errorf("%s: %w", what, ErrUnreadable)
}

// Corrupt says that the bytes found are no record. what must not quote them.
func Corrupt(what string) error {
	return fmt.Errorf("%s: %w", what, ErrCorrupt)
}
