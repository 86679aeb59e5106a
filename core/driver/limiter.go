package driver

import (
	"bytes"
	"cmp"
	"context"
	"slices"
)

// Limiter is the ability to insert a record within a limit of live records for each subject, in one atomic step.
type Limiter interface {
	// CreateLimited inserts rec, whose Subject is not "", as Create does. In the same step it counts the other live
	// records of rec.Subject in rec's namespace, which is the second half of its ID. Those that have [Ended], and
	// those in limit.Except, do not count. If there are more than limit.Most with rec, it removes those that were
	// created first, by Created and then by ID, and never rec. A removal is final, like Delete. With limit.Refuse it
	// removes and inserts nothing instead, and returns ErrLimit.
	//
	// Many servers may call it at once for one subject. When all calls have been answered, no more than Most are
	// alive, unless Create has made others. Readers may see rec a moment before the others are gone.
	//
	// A record of a newer format counts and is never removed. So more than Most may be alive if they are of a newer
	// format, and ErrLimit may be due to them.
	//
	// removed are the records that this call has removed, also after an error. Only if the answer to an attempt was
	// lost may some be missing. The errors are those of Create, and ErrLimit. After ErrUnavailable rec may be there
	// or not, and others may have been removed. After any other error nothing has changed.
	CreateLimited(ctx context.Context, rec *Record, limit Limit) (removed []ID, err error)
}

// Limit says how many live records a subject may have, and what to do with one more.
type Limit struct {
	Most   int  // live records of a subject, the new one included; at least 1
	Refuse bool // the new record, rather than remove the oldest

	// Except are records that the new one is about to replace: they do not count and are not removed.
	Except []ID
}

// Surplus is the rule of [Limiter], for stores that find the subject's records first and insert and remove
// afterwards, all under one lock. It returns which records to remove. found are live records of rec.Subject, of any
// namespace: Surplus passes over those of others, over rec, and over limit.Except. It looks at their ID, Created and
// Data. newer are those of a newer format. The error is nil or ErrLimit, to which the store adds its name.
func (l Limit) Surplus(rec *Record, found []Record, newer []ID) ([]ID, error) {
	counts := func(id ID) bool {
		return id != rec.ID && [16]byte(id[16:]) == [16]byte(rec.ID[16:]) && !slices.Contains(l.Except, id)
	}
	over := 1 - l.Most
	for _, id := range newer {
		if counts(id) {
			over++
		}
	}
	var counted []Record
	for _, r := range found {
		if counts(r.ID) && !Ended(r.Data) {
			counted = append(counted, Record{ID: r.ID, Created: r.Created})
			over++
		}
	}
	switch {
	case over <= 0:
		return nil, nil
	case l.Refuse:
		return nil, ErrLimit
	}
	slices.SortFunc(counted, func(a, b Record) int {
		return cmp.Or(a.Created.Compare(b.Created), bytes.Compare(a.ID[:], b.ID[:]))
	})
	var remove []ID
	for _, r := range counted[:min(over, len(counted))] {
		remove = append(remove, r.ID)
	}
	return remove, nil
}

// Ended reports whether a record's Data is that of a session that has ended. Core keeps such a record for half a
// minute, and with its Subject if a sign-in of the same user replaced the session. This is all that a store may read
// in Data: its second byte is 0 for a session, and another number for what is left of one.
func Ended(data []byte) bool { return len(data) > 1 && data[1] != 0 }

// Counter is the ability to count records without reading them all, for storages where that is cheap.
type Counter interface {
	// Count returns the number of live records whose IDs end in namespace. Records that have [Ended] may count, if
	// leaving them out is not cheap. Every error is ErrUnavailable, as in Store.
	Count(ctx context.Context, namespace [16]byte) (int, error)
}
