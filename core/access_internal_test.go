package core

import (
	"bytes"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
)

// Whatever stands in a record, opening it is an error or a session, and never a panic.
func FuzzRecord(f *testing.F) {
	keys, err := keyring.New(keyring.Key{ID: "k1", Secret: bytes.Repeat([]byte("\x00\x91\xa2\xf3\x84\xd5\xe6\xb7"), 4)})
	if err != nil {
		f.Fatal(err)
	}
	plain := &Manager{cfg: Config{Codec: JSON{}, MaxSize: 1 << 16}}
	sealed := &Manager{cfg: Config{Codec: JSON{}, MaxSize: 1 << 16, Keys: keys}}
	for _, m := range []*Manager{plain, sealed} {
		for _, st := range goldenStates() {
			data, b, err := m.encode(&st)
			if err != nil {
				f.Fatal(err)
			}
			copy(b, goldenBlocks()["rotated"])
			f.Add(m.seal(driver.ID{}, data, b))
		}
	}
	f.Add([]byte(goldenBlocks()["ended"]))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, m := range []*Manager{plain, sealed} {
			rec := driver.Record{Data: data, Subject: "zoë", Expires: time.Now()}
			h := hold(&rec)
			var st state
			if m.open(&h, &st) == nil && st.subject != rec.Subject {
				t.Error("another subject")
			}
			if b, ok := blockOf(data); ok {
				over := rec
				m.makeEnded(&over, kindEnded, 1)
				if end := block(over.Data); len(end) != blockSize || over.Subject != "" || end.kind() != kindEnded || end.rotations() != b.rotations() {
					t.Error("buried badly")
				}
			}
		}
	})
}
