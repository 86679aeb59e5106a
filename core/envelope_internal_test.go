package core

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func goldenStates() map[string]state {
	entries := func(kv ...string) (list []entry) {
		for i := 0; i < len(kv); i += 2 {
			list = append(list, entry{[]byte(kv[i]), []byte(kv[i+1])})
		}
		return list
	}
	const t = 1_790_000_000_123_456
	return map[string]state{
		"empty":   {header: header{codec: JSON{}, created: t}},
		"values":  {header: header{codec: JSON{}, created: t, auth: t + 1, subject: "zoë"}, changes: entries("", "", "cart", `["hat"]`, "visits", "3")},
		"sliding": {header: header{codec: JSON{}, created: t, expiry: expiry{expireSliding, 60e6}}, changes: entries("long", strings.Repeat("x", 300))},
		"at":      {header: header{codec: JSON{}, created: t, expiry: expiry{expireAt, t + 1e6}}, changes: nil},
		"device":  {header: header{codec: JSON{}, created: t, auth: t, subject: "zoë", device: "Firefox\x00192.0.2.0/24\x00pwd"}, changes: entries("visits", "3")},
		"browser": {header: header{codec: JSON{}, created: t, expiry: expiry{mode: expireBrowserClose}}, changes: entries(reserved+"flash.1", `{}`)},
	}
}

func onlyJSON(name []byte) Codec {
	if string(name) == "json" {
		return JSON{}
	}
	return nil
}

func encoded(st *state) []byte {
	data, _ := st.encode(0)
	return data
}

func parsed(data []byte, codecs func([]byte) Codec) (st state, err error) {
	err = st.parse(data, codecs)
	return st, err
}

// What was written once is read for ever: the files are never to change.
func TestGoldenEnvelopes(t *testing.T) {
	for name, st := range goldenStates() {
		file := filepath.Join("testdata", "envelope-v1-"+name+".hex")
		want, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) && *update {
			want = []byte(hex.EncodeToString(encoded(&st)) + "\n")
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if err != nil {
			t.Fatal(err)
		}
		data, err := hex.DecodeString(strings.TrimSpace(string(want)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encoded(&st), data) {
			t.Errorf("%s: written differently now", name)
		}
		back, err := parsed(data, onlyJSON)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(encoded(&back), data) {
			t.Errorf("%s: does not survive a round trip", name)
		}
	}
}

func TestDamagedEnvelopes(t *testing.T) {
	st := goldenStates()["values"]
	good := encoded(&st)
	for n := range good {
		if _, err := parsed(good[:n], onlyJSON); !errors.Is(err, driver.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := parsed(append(bytes.Clone(good), 0), onlyJSON); !errors.Is(err, driver.ErrCorrupt) {
		t.Errorf("a byte too many: %v", err)
	}
	none := goldenStates()["device"]
	none.device = ""
	empty := encoded(&none)
	empty[0] |= withDevice
	if _, err := parsed(empty, onlyJSON); !errors.Is(err, driver.ErrCorrupt) {
		t.Errorf("the first byte names a device that is not there: %v", err)
	}
	if _, err := parsed(good, func([]byte) Codec { return nil }); !errors.Is(err, ErrUnreadable) || errors.Is(err, driver.ErrCorrupt) {
		t.Errorf("unknown codec: %v", err)
	}
	st.changes[1], st.changes[2] = st.changes[2], st.changes[1]
	if _, err := parsed(encoded(&st), onlyJSON); !errors.Is(err, driver.ErrCorrupt) {
		t.Errorf("unsorted keys: %v", err)
	}
}

func FuzzEnvelope(f *testing.F) {
	for _, st := range goldenStates() {
		f.Add(encoded(&st))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		st, err := parsed(data, onlyJSON)
		if err != nil {
			if !errors.Is(err, driver.ErrCorrupt) && !errors.Is(err, ErrUnreadable) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		again, err := parsed(encoded(&st), onlyJSON)
		if err != nil {
			t.Fatalf("what we wrote is refused: %v", err)
		}
		if again.header != st.header {
			t.Fatalf("header %+v, then %+v", st.header, again.header)
		}
		for _, e := range st.all() {
			if v, ok := again.find(string(e.key)); !ok || !bytes.Equal(v, e.value) {
				t.Fatalf("entry %q lost", e.key)
			}
		}
	})
}
