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
