// Package driver is the contract between coatcheck and its stores. It is for
// people who write a store; applications use package core.
//
// A store keeps [Record] values under an [ID] and knows nothing of tokens,
// cookies or users. Write the five methods of [Store], add the one-method
// abilities that your storage has ([Rotator], [Sweeper], [Lister], [Indexer],
// [Pinger], [io.Closer]), and prove it with one call of package storetest.
//
// Three rules carry everything else:
//
//   - No method is an upsert. Create only inserts and Update only replaces a
//     live record of the same version, so a session that was deleted stays
//     deleted, whatever request is still in flight.
//   - An outage is never "not found". ErrNotFound says that the record was
//     proved to be absent or expired; everything else that goes wrong is
//     ErrUnavailable.
//   - Data is immutable. Once bytes have been handed over, in either
//     direction, neither side writes to them again, and both may keep them.
package driver

import (
	"context"
	"iter"
	"time"
)

// Record is one session as a store sees it.
type Record struct {
	// ID is the key. A store writes it with the data and returns it from the
	// data, not from the question, so that core can tell a mixed-up answer.
	ID ID

	// Subject is the user that the session belongs to, "" while anonymous.
	// At most MaxSubject bytes.
	Subject string

	// Created is when the session began. Stores keep it to the microsecond.
	Created time.Time

	// Expires is the deadline: at or after it, the record does not exist.
	// Stores keep it to the microsecond; where a storage is coarser, it
	// enforces this exact value itself and rounds its own lifetime up.
	Expires time.Time

	// Version grows with every Create and Update of the record. Stores set it on
	// Load, Create and Update; Update compares it. Touch leaves it alone.
	Version uint64

	// Data is opaque: encoded, and sealed when the application set keys.
	Data []byte
}

// MaxSubject is the length in bytes up to which every store must take a
// Record.Subject.
const MaxSubject = 255

// Live reports whether the record exists at the time now.
func (r *Record) Live(now time.Time) bool { return now.Before(r.Expires) }

// Backend is what every store is. Config.Store of package core takes one and
// refuses it unless it also is a [Store] or a [TokenStore].
type Backend interface {
	Info() Info
}

// Info describes a store. It does not change during the store's life.
type Info struct {
	// Name is the package's name, for logs and reports: "memstore".
	Name string

	// InMemory says that no call ever waits for I/O. core then saves itself
	// the deadline that it puts on the context of every other store's calls.
	InMemory bool

	// Local says that other processes do not see the records.
	Local bool
}

// Store keeps records on the server's side. All methods may be called
// concurrently, and several Stores, in several processes, may share a storage.
//
// Every error matches one of this package's Err values with errors.Is, and the
// client library's own error with errors.As. When the context ends first, a
// method returns soon with an error that matches ErrUnavailable and the context's
// error. A nil error from Create, Update, Touch and Delete means that the change
// is kept to the durability which the store's documentation states.
type Store interface {
	Backend

	// Load returns the live record under id. ErrNotFound: it was proved to be
	// absent or expired. ErrCorrupt: bytes came back that are no record.
	Load(ctx context.Context, id ID) (Record, error)

	// Create inserts rec and sets rec.Version. ErrExists: a live record has
	// this ID; it is untouched. An expired one counts as absent.
	// ErrTooLarge: the storage does not take a record of this size.
	Create(ctx context.Context, rec *Record) error

	// Update replaces Subject, Expires and Data of the live record that has
	// rec's ID and Version, in one atomic step, and sets rec.Version. Expires may move
	// either way. ErrConflict: the record has another version. ErrNotFound: there
	// is no live record. ErrTooLarge. After any error rec and the stored record
	// are as they were, save for ErrUnavailable, which may mean either.
	Update(ctx context.Context, rec *Record) error

	// Touch moves the deadline of the live record that has this ID and version to
	// expires, unless it is already later: a Touch never shortens a life. It writes no
	// data and keeps the version. ErrNotFound: there is no live record. ErrConflict: it has
	// another version; its data is as it was, its deadline may have moved all the same.
	Touch(ctx context.Context, id ID, version uint64, expires time.Time) error

	// Delete removes the record. That it was not there is no error.
	Delete(ctx context.Context, id ID) error
}

// TokenStore keeps nothing: the token that the client holds carries the record
// (package cookiestore). It cannot see conflicts, so the last response wins.
type TokenStore interface {
	Backend

	// Open returns the record that a token made by Seal with the same binding
	// carries. ErrNotFound: its deadline has passed or it was revoked.
	// ErrCorrupt: no key of ours made this token, or not for this binding.
	Open(ctx context.Context, token string, binding []byte) (Record, error)

	// Seal returns a token of characters that a cookie value may hold and sets
	// rec.Version. ErrNotFound: the ID was revoked meanwhile.
	// ErrTooLarge: the token would be longer than limit bytes.
	Seal(ctx context.Context, rec *Record, binding []byte, limit int) (token string, err error)

	// Revoke makes Open refuse every token with this ID until the time given,
	// after which none can be alive. ErrNotFound: it was revoked before, so that of two
	// that end or replace a session one knows that it came second.
	Revoke(ctx context.Context, id ID, until time.Time) error
}

// Rotator is the ability to move a session to a new ID in one atomic step.
// Without it, core calls Create for next and then Update for old.
type Rotator interface {
	// Rotate inserts next as Create does and replaces old as Update does, or does neither.
	// The errors are theirs.
	Rotate(ctx context.Context, old, next *Record) error
}

// Sweeper is the ability to remove expired records. A storage that forgets
// them by itself (memcached, Redis) has no need of it.
type Sweeper interface {
	// Sweep removes up to limit expired records and returns how many it
	// removed. Fewer than limit means that it has seen all records since the last time
	// that it said so. It must not hold up other calls noticeably.
	Sweep(ctx context.Context, limit int) (int, error)
}

// Lister is the ability to go through all live records, in any order. The
// sequence ends after the first error. Records that come or go during the walk may
// or may not be seen; no other is missed or seen twice.
type Lister interface {
	All(ctx context.Context) iter.Seq2[Record, error]
}

// Indexer is the ability to find the live records of one subject, under the
// rules of Lister. The subject "" has no sessions.
type Indexer interface {
	BySubject(ctx context.Context, subject string) iter.Seq2[Record, error]
}

// Pinger is the ability to tell whether the storage answers now.
type Pinger interface {
	Ping(ctx context.Context) error
}
