// Package driver is the contract between coatcheck and its stores. It is for
// people who write a store; applications use package core.
//
// A store keeps [Record] values under an [ID] and knows nothing of tokens,
// cookies or users. Write the five methods of [Store], add the abilities that your
// storage has ([Successor], [Reloader], [Sweeper], [Lister], [Indexer], [Pinger],
// [io.Closer]), and prove it with one call of package storetest. Callers find abilities with
// [AbilitiesOf].
//
// Four rules carry everything else:
//
//   - No method is an upsert. Create only inserts and Update only replaces a
//     live record of the same version, so a session that was deleted stays
//     deleted, whatever request is still in flight.
//   - An outage is never "not found". ErrNotFound says that the record was
//     proved to be absent or expired; everything else that goes wrong is
//     ErrUnavailable.
//   - A record that a newer release wrote is kept. A deployment changes one server after
//     the other, so records of a newer format are met: ErrUnreadable, not ErrCorrupt.
//   - Data and Labels are immutable. Once handed over, in either
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

	// Subject is the user that the session belongs to, "" while anonymous. Create sets
	// it, and nothing changes it but an Update that clears it: see [Store]. At
	// most MaxSubject bytes.
	Subject string

	// Labels are other names under which [Indexer] finds the record: the administrator
	// who acts for the user, an identity provider's session. At most MaxLabels, each of 1 to
	// MaxSubject bytes, none twice, and none without a Subject. Create sets them, and they go
	// with the Subject. A store keeps their order.
	Labels []string

	// Created is when the session began. Stores keep it to the microsecond, and
	// no write but Create changes it.
	Created time.Time

	// Used is when the session was last used, as far as somebody wrote that down. Create,
	// Update and Touch move it forward and never back. Stores keep it to the microsecond.
	Used time.Time

	// Expires is the deadline: at or after it, the record does not exist.
	// Stores keep it to the microsecond; where a storage is coarser, it
	// enforces this exact value itself and rounds its own lifetime up.
	Expires time.Time

	// Exact tells Update that Expires counts even if the stored deadline is later. It is not
	// kept: Load returns false.
	Exact bool

	// Version grows with every Create and Update of the record, and is never 0. Stores set it on
	// Load, Create and Update; Update compares it. Touch leaves it alone.
	Version uint64

	// Data is opaque: encoded, and sealed when the application set keys.
	Data []byte
}

// MaxSubject is the length in bytes up to which every store must take a
// Record.Subject, and each of its Labels.
const MaxSubject = 255

// MaxLabels is how many Labels every store must take.
const MaxLabels = 3

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

	// NoRevocation says that a TokenStore's RevokeID always answers errors.ErrUnsupported.
	NoRevocation bool
}

// Store keeps records on the server's side. All methods may be called
// concurrently, and several Stores, in several processes, may share a storage.
//
// Every error matches one of this package's Err values with errors.Is, and the
// client library's own error with errors.As. When the context ends first, a
// method returns soon with an error that matches ErrUnavailable and the context's
// error. A nil error from Create, Update, Touch and Delete means that the change
// is kept to the durability which the store's documentation states.
//
// A store whose records have a format of their own tells a newer one from bytes that are no record.
// Load, Update and Touch of such a record are ErrUnreadable, and so are Succeed and Reload; Create
// answers ErrExists, since nobody can say that it has expired. Nothing changes it and nothing
// removes it but Delete.
type Store interface {
	Backend

	// Load returns the live record under id. ErrNotFound: it was proved to be
	// absent or expired. ErrCorrupt: bytes came back that are no record.
	// ErrUnreadable: the record is of a newer format.
	Load(ctx context.Context, id ID) (Record, error)

	// Create inserts rec and sets rec.Version. ErrExists: a live record has
	// this ID; it is untouched. An expired one counts as absent.
	// ErrTooLarge: the storage does not take a record of this size.
	Create(ctx context.Context, rec *Record) error

	// Update replaces the Data of the live record that has rec's ID and Version, in one atomic
	// step, and sets rec.Version, and nothing else of rec. An empty rec.Subject clears Subject
	// and Labels, and takes the record out of every list by subject or label; any other
	// Subject, and rec.Labels, are passed over: the stored ones stay. So does Created. The later
	// Used stays. The later deadline stays, too, unless rec.Exact says that rec.Expires
	// counts: neither a clock that is late nor a slow request may shorten a life.
	//
	// ErrConflict: the record has another version. ErrNotFound: there is no live record.
	// ErrUnreadable. ErrTooLarge. After any error rec and the stored record are as they were, save
	// for ErrUnavailable, which may mean either.
	Update(ctx context.Context, rec *Record) error

	// Touch moves Used and the deadline of the live record that has this ID and version to used
	// and expires, each unless it is later already: a Touch never shortens a life. It writes
	// no data and keeps the version. ErrNotFound: there is no live record. ErrUnreadable.
	// ErrConflict: it has another version; its data is as it was, its times may have moved all the same.
	Touch(ctx context.Context, id ID, version uint64, used, expires time.Time) error

	// Delete removes the record, also one that cannot be read. That it was not there is no error.
	Delete(ctx context.Context, id ID) error
}

// TokenStore keeps nothing: the token that the client holds carries the record
// (package cookiestore). It cannot see conflicts, so the last response wins.
type TokenStore interface {
	Backend

	// OpenToken returns the record that a token made by SealToken with the same binding
	// carries. ErrNotFound: its deadline has passed or it was revoked.
	// ErrCorrupt: no key of ours made this token, or not for this binding. ErrUnreadable: a key
	// of ours made it, in a newer format; the record then has its ID, if that is known, and nothing else.
	OpenToken(ctx context.Context, token string, binding []byte) (Record, error)

	// SealToken returns a token of characters that a cookie value may hold and sets
	// rec.Version. ErrNotFound: the ID was revoked meanwhile.
	// ErrTooLarge: the token would be longer than limit bytes.
	SealToken(ctx context.Context, rec *Record, binding []byte, limit int) (token string, err error)

	// RevokeID makes OpenToken refuse every token with this ID until the time given,
	// after which none can be alive. ErrNotFound: it was revoked before, so that of two
	// that end or replace a session one knows that it came second.
	RevokeID(ctx context.Context, id ID, until time.Time) error
}

// Successor is the ability to let one session take the place of another in one atomic
// step, for storages where that saves a round trip. Without it, core calls Create for next
// and then Update for old.
type Successor interface {
	// Succeed inserts next as Create does and replaces old as Update does, or does neither.
	// The errors are theirs, and after any of them both records are as they were, save for
	// ErrUnavailable. old.Subject is "", or that of next: then old stays in its lists until its deadline.
	Succeed(ctx context.Context, old, next *Record) error
}

// Reloader is the ability to load past every cache and from the primary, for stores whose
// Load may answer with an older state of a record.
type Reloader interface {
	// Reload is Load, and answers no older than the state at the time of the call. Concurrent
	// calls may share one read that began after all of them. What it finds replaces what the
	// cache had, so that the next Load anywhere in this process is as new.
	Reload(ctx context.Context, id ID) (Record, error)
}

// Sweeper is the ability to remove expired records, and none that it cannot read. A storage that forgets
// them by itself (memcached, Redis) has no need of it.
type Sweeper interface {
	// Sweep removes up to limit expired records and returns how many it
	// removed. Fewer than limit means that it has seen all records since the last time
	// that it said so. It must not hold up other calls noticeably. Every error is
	// ErrUnavailable, as in Store; what was removed before it counts in the number.
	Sweep(ctx context.Context, limit int) (int, error)
}

// Lister is the ability to go through all live records, in any order. The
// sequence ends after the first error. Records that come or go during the walk may
// or may not be seen; no other is missed or seen twice. A record of a newer format hides no
// other: the walk goes past it, and ends in ErrUnreadable when it has been through all.
//
// The body of the loop may call the store, and may be slow. So a store reads a page and lets go of its locks, rows
// and connections before it yields. What it has found out and not written down may be out of date afterwards. The
// deadline of ctx is a later one then: a store asks for it with each page.
type Lister interface {
	All(ctx context.Context) iter.Seq2[Record, error]
}

// Indexer is the ability to find the live records of one subject, or with one label, under
// the rules of Lister. It knows a record before Create has answered nil. The subject "" and the
// label "" have no records, and a subject is not found as a label, nor a label as a
// subject. Where the storage may lose the index and keep the records, a walk that may lack some ends in ErrIncomplete
// after all others.
type Indexer interface {
	// BySubject goes through the records whose Subject is subject.
	BySubject(ctx context.Context, subject string) iter.Seq2[Record, error]

	// ByLabel goes through the records that have label among their Labels.
	ByLabel(ctx context.Context, label string) iter.Seq2[Record, error]
}

// Pinger is the ability to tell whether the storage answers now.
type Pinger interface {
	// Ping asks the storage, and not what the store remembers of it. Every error is
	// ErrUnavailable, as in Store: also that of a storage which answers that it is out of order.
	Ping(ctx context.Context) error
}
