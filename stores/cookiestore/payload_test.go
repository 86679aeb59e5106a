package cookiestore

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// What stands inside a seal is ours, but a bug of another version of us must not
// become a panic.
func FuzzDecode(f *testing.F) {
	f.Add(encode(nil, &driver.Record{ID: driver.ID{1}, Subject: "alice", Expires: time.Unix(1, 0), Version: 300, Data: []byte("data")}))
	f.Add([]byte{format})
	f.Fuzz(func(t *testing.T, payload []byte) {
		rec, ok := decode(payload)
		if !ok {
			return
		}
		again, ok := decode(encode(nil, &rec))
		if !ok || again.ID != rec.ID || again.Version != rec.Version || again.Subject != rec.Subject ||
			string(again.Data) != string(rec.Data) || !again.Expires.Equal(rec.Expires) || !again.Created.Equal(rec.Created) {
			t.Fatalf("%+v was decoded as %+v", rec, again)
		}
	})
}
