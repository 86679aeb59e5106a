package driver

import "context"

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
