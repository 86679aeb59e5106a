package cookiestore

import (
	"slices"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Only this package makes payloads, but a bug in another version of it must not cause a panic here.
func FuzzDecode(f *testing.F) {
	f.Add(encode(nil, &driver.Record{ID: driver.ID{1}, Subject: "alice", Expires: time.Unix(1, 0), Version: 300, Data: []byte("data")}))
	f.Add(encode(nil, &driver.Record{Subject: "alice", Labels: []string{"admin", "idp:7", ""}, Created: time.Unix(2, 0), Used: time.Unix(1, 0)}))
	f.Add(encode(nil, &driver.Record{Subject: "alice", Labels: []string{"admin"}, Epoch: 1 << 51}))
	f.Add([]byte{format})
	f.Fuzz(func(t *testing.T, payload []byte) {
		rec, ok := decode(payload)
		if !ok {
			return
		}
		again, ok := decode(encode(nil, &rec))
		if !ok || again.ID != rec.ID || again.Epoch != rec.Epoch || again.Version != rec.Version || again.Subject != rec.Subject ||
			string(again.Data) != string(rec.Data) || !again.Expires.Equal(rec.Expires) || !again.Created.Equal(rec.Created) ||
			!again.Used.Equal(rec.Used) || !slices.Equal(again.Labels, rec.Labels) {
			t.Fatalf("%+v was decoded as %+v", rec, again)
		}
	})
}

// A session pays almost nothing for what it does not have.
func TestNothingCostsAByte(t *testing.T) {
	now := time.Now()
	plain := driver.Record{Subject: "alice", Created: now, Used: now, Expires: now.Add(time.Hour)}
	size := len(encode(nil, &plain))
	for name, c := range map[string]struct {
		change func(*driver.Record)
		more   int
	}{
		"a label":                {func(r *driver.Record) { r.Labels = []string{"admin"} }, 1 + len("admin")},
		"three labels":           {func(r *driver.Record) { r.Labels = []string{"a", "b", "c"} }, 6},
		"used an hour later":     {func(r *driver.Record) { r.Used, r.Expires = now.Add(time.Hour), now.Add(2*time.Hour) }, 4},
		"a longer idle timeout":  {func(r *driver.Record) { r.Expires = now.Add(14 * 24 * time.Hour) }, 1},
		"the first epoch":        {func(r *driver.Record) { r.Epoch = firstEpoch }, 0},
		"RevokeSubject":          {func(r *driver.Record) { r.Epoch = uint64(now.UnixMicro()) }, 7},
		"RevokeSubject, a label": {func(r *driver.Record) { r.Epoch, r.Labels = uint64(now.UnixMicro()), []string{"admin"} }, 8 + len("admin")},
		"128 writes":             {func(r *driver.Record) { r.Version = 128 }, 1},
	} {
		rec := plain
		c.change(&rec)
		if more := len(encode(nil, &rec)) - size; more != c.more {
			t.Errorf("%s: %d bytes more, want %d", name, more, c.more)
		}
	}
	const used, expires, version, labels = 1, 5, 1, 1
	if rest := size - fixedSize - len("\x05alice"); rest != used+expires+version+labels {
		t.Errorf("a new session's times, version and no labels take %d bytes", rest)
	}
}
