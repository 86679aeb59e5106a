package cachedstore

import (
	"context"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// If more fences are pending than the backlog keeps, nothing is read from the cache until the last of them is no
// longer needed.
func TestTooManyPending(t *testing.T) {
	now, up := time.Unix(1000, 0), false
	o := backlog{now: func() time.Time { return now }, deliver: func(context.Context, driver.ID, pendingFence) bool { return up }, closed: true}
	o.stop = func() {}
	until := now.Add(30 * time.Second)
	for i := range maxPending {
		if !o.add(numbered(i), pendingFence{1, until}) {
			t.Fatalf("fence %d was refused", i)
		}
	}
	stranger := numbered(-1)
	if o.has(stranger) {
		t.Error("a session without a pending fence is not read from the cache")
	}
	if o.add(stranger, pendingFence{1, until}) || !o.has(stranger) || !o.has(numbered(-2)) {
		t.Error("with too many pending fences the cache is read")
	}
	if o.retryAll(t.Context()) {
		t.Error("empty, while the cache is down")
	}
	up = true
	if o.retryAll(t.Context()) || o.has(numbered(1)) != true {
		t.Error("empty, although one fence was not kept")
	}
	now = until
	if !o.retryAll(t.Context()) || o.has(stranger) || o.nonEmpty.Load() {
		t.Error("not empty when no fence is needed any longer")
	}
}

// A fence of an older version does not replace a pending one of a newer version.
func TestPendingVersionGrows(t *testing.T) {
	o := backlog{now: time.Now, closed: true}
	o.add(numbered(1), pendingFence{forever, time.Now()})
	o.add(numbered(1), pendingFence{3, time.Now().Add(time.Second)})
	if d := o.fences[numbered(1)]; d.version != forever {
		t.Errorf("version %d", d.version)
	}
}
