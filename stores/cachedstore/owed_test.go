package cachedstore

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func numbered(n int) (id driver.ID) {
	binary.LittleEndian.PutUint64(id[:], uint64(n))
	return id
}

// With more debts than are kept, nothing is read from the cache until the last of them has
// become harmless.
func TestTooManyDebts(t *testing.T) {
	now, up := time.Unix(1000, 0), false
	o := owed{now: func() time.Time { return now }, pay: func(context.Context, driver.ID, debt) bool { return up }, shut: true}
	o.stop = func() {}
	until := now.Add(30 * time.Second)
	for i := range maxDebts {
		if !o.add(numbered(i), debt{1, until}) {
			t.Fatalf("debt %d was refused", i)
		}
	}
	stranger := numbered(-1)
	if o.has(stranger) {
		t.Error("a session without debt is not read from the cache")
	}
	if o.add(stranger, debt{1, until}) || !o.has(stranger) || !o.has(numbered(-2)) {
		t.Error("with too many debts the cache is read")
	}
	if o.round(t.Context()) {
		t.Error("even, while the cache is down")
	}
	up = true
	if o.round(t.Context()) || o.has(numbered(1)) != true {
		t.Error("even, although one debt was not kept")
	}
	now = until
	if !o.round(t.Context()) || o.has(stranger) || o.some.Load() {
		t.Error("not even when all debts are old")
	}
}

// An old version does not replace a debt for a newer one.
func TestDebtsGrow(t *testing.T) {
	o := owed{now: time.Now, shut: true}
	o.add(numbered(1), debt{forever, time.Now()})
	o.add(numbered(1), debt{3, time.Now().Add(time.Second)})
	if d := o.debts[numbered(1)]; d.version != forever {
		t.Errorf("version %d", d.version)
	}
}
