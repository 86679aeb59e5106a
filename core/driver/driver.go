// Package driver is the contract between coatcheck and its stores. It is for authors of stores; applications use
// package core.
//
// A store keeps [Record] values under an [ID] and knows nothing of tokens, cookies or users. Write the five methods
// of [Store] and Info of [Backend]. Add the abilities that your storage has ([Successor], [Reloader], [Sweeper],
// [Lister], [Indexer], [Limiter], [Counter], [Pinger], [Watcher], [io.Closer], [CacheReporter], [Breaker], [Inspector],
// [Checker]). Prove the store with one call of package storetest. Callers find abilities with [AbilitiesOf].
//
// Four rules are the base of all others:
//
//   - No method is an upsert. Create only inserts, and Update only replaces a live record of the same version. So a
//     session that was deleted stays deleted, even if a request is still in flight.
//   - An outage is never "not found". ErrNotFound says that the record was proved to be absent or expired. If the
//     storage fails, or nothing is proved, the error is ErrUnavailable.
//   - A record that a newer release wrote is kept. A deployment changes one server after the other, so a store meets
//     records of a newer format. It answers ErrUnreadable, not ErrCorrupt.
//   - Data and Labels are immutable. Once they are handed over, in either direction, neither side writes to them
//     again, and both may keep them. What a store returns stays as it is, Subject and Labels, too: memory that belongs
//     to a transaction, a mapped file or a buffer is copied first. A reader may append to what it loaded, and that must
//     reach no other reader: what a store returns has no spare capacity (slices.Clip), unless it is a copy for that
//     reader alone.
//
// The guide is docs/writing-a-store.md.
package driver

import (
	"context"
	"iter"
	"time"
)

// Record is one session as a store sees it.
type Record struct {
	// ID is the key. A store writes it with the data and returns the one that it finds there, not the one that it was
	// asked for. So core can tell a mixed-up answer.
	ID ID

	// Subject is the user that the session belongs to, "" while anonymous. Create sets it, and nothing changes it but
	// an Update that clears it: see [Store]. At most MaxSubject bytes.
	Subject string

	// Labels are other names under which [Indexer] finds the record: the administrator who acts for the user, an
	// identity provider's session. At most MaxLabels, each of 1 to MaxSubject bytes, none twice, and none without a
	// Subject. Create sets them, and an Update that clears the Subject clears them, too. A store keeps their order.
	Labels []string

	// Created is when the session began. Only Create sets it. Stores keep it, as Used and Expires, to the microsecond:
	// what is finer is cut off, never rounded up.
	Created time.Time

	// Used is when the session was last used, as far as a write recorded it. Create, Update and Touch move it forward
	// and never back. Stores keep it to the microsecond.
	Used time.Time

	// Expires is the deadline: at or after it, the record does not exist. Stores keep it to the microsecond. Where
	// the storage's own lifetimes are coarser, the store rounds those up and enforces this exact value itself.
	Expires time.Time

	// Exact tells Update to take Expires even if the stored deadline is later. It is not stored: Load returns false.
	Exact bool

	// Version grows with every Create and Update of the record, and is never 0. Stores set it on Load, Create and
	// Update. Update and Touch compare it. Touch does not change it.
	Version uint64

	// Epoch is for a [TokenStore] that is a [SubjectRevoker]: which of the Subject's epochs the token belongs to. 0:
	// none, which for SealToken means that the session begins. A [Store] ignores it.
	Epoch uint64

	// Data is opaque to the store: encoded, and sealed if the application set keys. Only a [Limiter] or a [Counter]
	// looks into it, with [Ended].
	Data []byte
}

// MaxSubject is the greatest length in bytes of a Record.Subject, and of each of its Labels. Every store must take
// it.
const MaxSubject = 255

// MaxLabels is the greatest number of a record's Labels. Every store must take it.
const MaxLabels = 3

// Live reports whether the record exists at the time now.
func (r *Record) Live(now time.Time) bool { return now.Before(r.Expires) }

// Backend is what every store implements. Config.Store of package core takes one, and New refuses it unless it is
// also a [Store] or a [TokenStore].
type Backend interface {
	Info() Info
}

// Info describes a store. It does not change during the store's life.
type Info struct {
	// Name is the package's name, for logs and reports: "memstore".
	Name string

	// InMemory says that no call ever waits for I/O. core then omits the deadline that it puts on the context of
	// every other store's calls.
	InMemory bool

	// Local says that no other process can use the records while this one does: they are in its memory, or it has the
	// storage for itself, as an embedded database whose file it has locked. core warns of it (Manager.Settings), the
	// adapters for Fiber warn of several processes (Prefork), and package storetest lets its harness return one handle
	// again and again.
	Local bool

	// NoRevocation says that a TokenStore's RevokeID and RevokeSubject always return errors.ErrUnsupported.
	NoRevocation bool
}

// Store keeps records on the server's side. All methods may be called concurrently, and several Stores, in several
// processes, may share a storage.
//
// Every error matches one of this package's Err values with errors.Is, and the client library's own error with
// errors.As. Its text begins with the package's name and a colon, as in Info.Name, and shows no Subject, Label or Data:
// it goes into logs. (A wrapper passes on the errors of the store inside.) When the context ends first, a method returns
// soon with an error that matches ErrUnavailable and the context's error, also if it waits for a lock or for another
// call. A nil error from Create, Update, Touch and Delete means that the change is kept to the durability that the
// store's documentation states.
//
// A store whose records have a format of their own must tell a newer format from bytes that are no record. For a
// record of a newer format, Load, Update, Touch, Succeed, Reload and Watch return ErrUnreadable. For a damaged one, whose
// bytes are no record, they return ErrCorrupt, and never ErrNotFound. (An Update or a Touch may succeed if the damage is
// only in what it replaces or does not read. A store in which a crash leaves such bytes as a matter of course may say in
// its documentation that they count as absent.) For both, Create returns ErrExists, since nobody can say that the record
// has expired. Nothing but Delete changes or removes such a record: somebody may repair it.
type Store interface {
	Backend

	// Load returns the live record under id. ErrNotFound: the record was proved to be absent or expired. ErrCorrupt:
	// the bytes found are no record. ErrUnreadable: the record is of a newer format.
	Load(ctx context.Context, id ID) (Record, error)

	// Create inserts rec and sets rec.Version. ErrExists: a live record has this ID, or one that cannot be read; it is
	// unchanged. An expired record counts as absent. ErrTooLarge: the storage does not take a record of this size.
	Create(ctx context.Context, rec *Record) error

	// Update replaces the Data of the live record that has rec's ID and Version, in one atomic step. It sets
	// rec.Version and nothing else of rec.
	//
	// An empty rec.Subject clears Subject and Labels, and takes the record out of every list by subject or label. Any
	// other rec.Subject, and rec.Labels, are ignored: the stored ones stay. Created stays, too. The later Used stays.
	// The later deadline stays, unless rec.Exact is set: then rec.Expires counts. So neither a clock that is late nor
	// a slow request shortens a session's life.
	//
	// ErrConflict: the record has another version. ErrNotFound: there is no live record. ErrUnreadable, ErrCorrupt: see
	// Store. ErrTooLarge: see Create. After ErrUnavailable the update may or may not have been made, and never a part of
	// it. After any other error, rec and the stored record are unchanged.
	Update(ctx context.Context, rec *Record) error

	// Touch moves Used to used and the deadline to expires, for the live record that has this ID and version. It
	// leaves each alone that is later already: a Touch never shortens a life. It writes no data and keeps the
	// version. ErrNotFound: there is no live record. ErrUnreadable, ErrCorrupt: see Store. ErrConflict: the record has
	// another version; the data is unchanged, but the deadline may have been extended, and Used moved forward.
	Touch(ctx context.Context, id ID, version uint64, used, expires time.Time) error

	// Delete removes the record, even one that cannot be read. A missing record is no error.
	Delete(ctx context.Context, id ID) error
}

// TokenStore keeps no records: the token that the client holds carries the record (package cookiestore). It cannot
// see conflicts, so the last response wins.
type TokenStore interface {
	Backend

	// OpenToken returns the record in a token that SealToken made with the same binding. ErrNotFound: the record's
	// deadline has passed, or its ID or its Subject was revoked. ErrCorrupt: no key of ours made this token, or not for this
	// binding. ErrUnreadable: a key of ours made it, in a newer format; the record then has its ID, if that is known,
	// and nothing else.
	OpenToken(ctx context.Context, token string, binding []byte) (Record, error)

	// SealToken sets rec.Version and rec.Epoch, and returns a token of characters that a cookie value may hold. For
	// what follows from another token, the same session or one with a new ID, rec.Epoch is that token's. ErrNotFound:
	// the ID was revoked meanwhile, or the Subject since that epoch. ErrTooLarge: the token would be longer than limit
	// bytes. After an error, rec is unchanged.
	SealToken(ctx context.Context, rec *Record, binding []byte, limit int) (token string, err error)

	// RevokeID makes OpenToken refuse every token with this ID until the time given; after that, none can be alive.
	// ErrNotFound: the ID was revoked before. So of two callers that end or replace a session, the second knows that
	// it came second.
	RevokeID(ctx context.Context, id ID, until time.Time) error
}

// SubjectRevoker is the ability of a [TokenStore] to end all sessions of a subject. It counts the subject's epochs.
//
// OpenToken and SealToken take a token of an earlier epoch only if RevokeSubject excepted its ID. The record then has
// the present epoch, so that what is sealed next needs no exception. SealToken never gives the present epoch to a
// record of an earlier one that was not excepted. So what was opened before a RevokeSubject does not outlive it.
type SubjectRevoker interface {
	// RevokeSubject begins a new epoch of subject: all its tokens with this binding are refused that belong to an
	// earlier one. The epoch is kept until the time given; after that, none of them can be alive. IDs in except are
	// taken if they were alive when the call began: an exception revives nothing that an earlier call has ended.
	// ErrConflict: other calls for this subject were faster again and again. ErrUnreadable: the subject's epoch is in
	// a newer format. After ErrUnavailable the epoch may or may not have begun. After any other error, nothing has
	// changed. errors.ErrUnsupported: the store keeps no revocations.
	RevokeSubject(ctx context.Context, binding []byte, subject string, until time.Time, except []ID) error
}

// Successor is the ability to replace one session by another in one atomic step, for storages where that saves a
// round trip. Without it, core calls Create for next and then Update for old.
type Successor interface {
	// Succeed inserts next as Create does and replaces old as Update does, or does neither. It returns their errors.
	// After ErrUnavailable both may or may not have been done. After any other error, both records are unchanged.
	// old.Subject is "" or next.Subject. If it is next.Subject, old stays in its lists until its deadline.
	Succeed(ctx context.Context, old, next *Record) error
}

// Reloader is the ability to load past every cache and from the primary, for stores whose Load may return an older
// state of a record.
type Reloader interface {
	// Reload is Load, and returns no state older than that at the time of the call. Concurrent calls may share one
	// read that began after all of them. The result replaces what the cache had, so that the next Load anywhere in
	// this process is as new.
	Reload(ctx context.Context, id ID) (Record, error)
}

// Sweeper is the ability to remove expired records. It removes none that it cannot read. A storage that forgets
// expired records by itself (memcached, Redis) does not need it.
type Sweeper interface {
	// Sweep removes up to limit expired records and returns how many it removed. A result below limit means that a
	// full pass has completed: it has seen all records since the last such result. The caller then rests until the next
	// pass is due; after limit it calls again at once. So a Sweep that looks at a part of the storage in each call must go
	// on until it has removed limit, or has seen all. It must not hold up other calls noticeably. Every error is
	// ErrUnavailable, as in Store. The number counts what was removed before the error.
	Sweep(ctx context.Context, limit int) (int, error)
}

// Lister is the ability to walk through all live records, in any order. The sequence ends after the first error. A
// record that comes or goes during the walk may or may not be seen. No other is missed or seen twice. A record of a
// newer format, or a damaged one, hides no other: the walk passes it over, goes through all others, and ends with
// ErrUnreadable or ErrCorrupt.
//
// The body of the loop may call the store, and may be slow. So a store reads a page, and releases its locks, rows and
// connections before it yields. After the yield, what it knows of the storage and did not write down may be out of
// date. The deadline of ctx may be later by then, since the caller's time stands still while the body runs: call
// ctx.Deadline() anew for each page, and keep no context that is derived from ctx.
type Lister interface {
	All(ctx context.Context) iter.Seq2[Record, error]
}

// Indexer is the ability to find the live records of one subject, or with one label, under the rules of Lister. The
// index has a record before its Create returns nil. The subject "" and the label "" have no records. A subject is not
// found as a label, nor a label as a subject. If the storage may lose the index and keep the records, a walk that may
// lack some yields all that it has and ends with ErrIncomplete. A walk may leave a damaged record out: nobody can use
// that, and the damage may have taken its subject.
type Indexer interface {
	// BySubject walks through the records whose Subject is subject.
	BySubject(ctx context.Context, subject string) iter.Seq2[Record, error]

	// ByLabel walks through the records that have label among their Labels.
	ByLabel(ctx context.Context, label string) iter.Seq2[Record, error]
}

// Pinger is the ability to tell whether the storage answers now.
type Pinger interface {
	// Ping asks the storage itself, not what the store remembers of it. Every error is ErrUnavailable, as in Store,
	// even if the storage answers, but says that it is out of order.
	Ping(ctx context.Context) error
}
