package driver

import (
	"context"
	"iter"
)

// CacheReporter is the ability to tell which loads a cache has answered, for stores that have a cache in front of the
// storage. Only an application that observes its sessions asks, so Load itself does not pay for it.
type CacheReporter interface {
	// LoadReported is Load. cached reports whether the record came from the cache, and the storage behind it was not
	// asked. It is false with an error.
	LoadReported(ctx context.Context, id ID) (rec Record, cached bool, err error)
}

// Breaker is the ability to tell which parts of the storage get no calls for now, because the last ones have failed.
type Breaker interface {
	// Breakers names the parts, and reports for each whether calls to it are refused at once. It asks nothing of the
	// storage, and does not wait. The names are the same at each call, few, and not secret, since they become labels
	// of metrics: "database", "10.0.0.7:11211". While a part is refused, a call gets through now and then, to find
	// out whether it is back. The map is the caller's.
	Breakers() map[string]bool
}

// Inspector is the ability to tell an operator about the storage itself: its version, the settings that decide what
// becomes of sessions, how full it is, whether its clock agrees with this process's. The command coatcheck doctor prints
// the findings. No request asks for them.
type Inspector interface {
	// Inspect asks the storage, each of its servers, and not what the store remembers. It changes no record and reads
	// none: no finding has anything in it that a record holds, and none has a secret. The names are the same at each
	// call, and no two are equal. What the storage does not tell, or not to this user, is left out. Every error is
	// ErrUnavailable, as in Store. With an error, the findings are those of the parts that did answer.
	Inspect(ctx context.Context) ([]Finding, error)
}

// Finding is one fact about the storage.
type Finding struct {
	Name    string // what it is: "maxmemory-policy", or "10.0.0.7:11211: version" if there may be several servers; never ""
	Value   string // for people to read: "noeviction", "12 GiB"; never ""
	Warning string // what it may do to sessions, and what to do about it; "": nothing
}

// Checker is the ability to check that index and records agree, for stores that keep the index of an [Indexer] apart
// from the records. Damage to the storage, or a hand in it, may make them differ. The command coatcheck verify asks.
type Checker interface {
	// Check walks through the whole storage, as slowly as [Lister] may, and yields what is wrong: a live record that the
	// index lacks or is about to forget, which RevokeSubject would miss, and an entry of the index without such a
	// record, where the store leaves none in its normal work. It yields each once. It changes nothing unless fix is
	// true. Then it repairs what it yields, and changes no record.
	//
	// What others are changing meanwhile is no problem. A store may pass over records that were created within the last
	// minute. It passes over records that it cannot read, and does not touch their entries: a Lister tells of them. The
	// memory does not grow with the number of problems. The rules of Lister hold for the body of the loop. The sequence
	// ends after the first error, and every error is ErrUnavailable, as in Store.
	Check(ctx context.Context, fix bool) iter.Seq2[Problem, error]
}

// Problem is one place where index and records do not agree.
type Problem struct {
	ID    ID     // of the record
	What  string // for people to read, without the subject or label: "the index by subject lacks it"
	Fixed bool   // it was repaired
}
