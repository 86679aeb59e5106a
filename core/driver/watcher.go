package driver

import "context"

// Watcher is the ability to tell at once that a record has changed. Callers do not rely on it: they also ask now and
// then.
type Watcher interface {
	// Watch returns the live record under id, with the errors of Load, and from then on calls changed soon after the
	// record was changed or removed, by anybody. The record that it returns may be as old as one of Load: but a change
	// that it does not show yet is told. changed may be called too often, concurrently, and before Watch returns. After
	// the first call, a store need not tell of more. A change may be missed if a connection breaks: then changed is
	// called, if the store notices.
	//
	// stop ends the watch. It may be called several times, and does not wait: changed may still be called once. It is
	// nil after an error. The store holds no lock while it calls changed, which returns at once. The watch does not end
	// with ctx, but with the store.
	Watch(ctx context.Context, id ID, changed func()) (rec Record, stop func(), err error)
}
