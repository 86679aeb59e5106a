package cookiestore

import (
	"errors"
	"reflect"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// What a store returns is an epoch, or damaged, or newer: never an epoch that ends nothing.
func FuzzDecodeEpoch(f *testing.F) {
	whole := epoch{number: 1 << 51, kept: []keptSession{{driver.ID{1}, 1}, {driver.ID{2}, 1 << 50}}}
	f.Add(whole.encode())
	f.Add((&epoch{number: 2}).encode())
	f.Add([]byte{epochFormat + 1})
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decodeEpoch(data)
		switch {
		case errors.Is(err, driver.ErrUnreadable):
			if data[0] <= epochFormat {
				t.Fatal("not newer:", data)
			}
		case err != nil:
			if !errors.Is(err, driver.ErrCorrupt) {
				t.Fatal(err)
			}
		default:
			again, err := decodeEpoch(e.encode())
			if err != nil || !reflect.DeepEqual(again, e) {
				t.Fatalf("%+v, %v became %+v", e, err, again)
			}
			if e.takes(driver.ID{31: 77}, firstEpoch) && e.number <= firstEpoch {
				t.Fatalf("%+v ends nothing", e)
			}
		}
	})
}

func TestDamagedEpochs(t *testing.T) {
	good := (&epoch{number: 300, kept: []keptSession{{driver.ID{1}, 200}}}).encode()
	for i := range good {
		if i == 3 { // a whole epoch without exceptions
			continue
		}
		if e, err := decodeEpoch(good[:i]); !errors.Is(err, driver.ErrCorrupt) {
			t.Errorf("%d bytes: %+v, %v", i, e, err)
		}
	}
	for name, e := range map[string]epoch{"zero": {}, "the first": {number: firstEpoch}, "too late": {number: lastEpoch + 1}} {
		if got, err := decodeEpoch(e.encode()); !errors.Is(err, driver.ErrCorrupt) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := decodeEpoch(append([]byte{epochFormat + 1}, good[1:]...)); !errors.Is(err, driver.ErrUnreadable) {
		t.Errorf("a newer format: %v", err)
	}
}
