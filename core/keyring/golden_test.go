package keyring

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"testing"
)

// What version 1 sealed must open for ever: sessions and cookies outlive a
// release. Files are added for new versions, never changed.
func TestGolden(t *testing.T) {
	for _, c := range golden(t) {
		k, err := Parse(c.Keys)
		if err != nil {
			t.Fatal(err)
		}
		got, old, err := k.Open(c.Sealed, []byte(c.AD))
		if err != nil || old != c.Old || string(got) != c.Plaintext {
			t.Errorf("%s: Open = %q, %v, %v, want %q, %v", base64.StdEncoding.EncodeToString(c.Sealed), got, old, err, c.Plaintext, c.Old)
		}
	}
}

type goldenCase struct {
	Keys, AD, Plaintext string
	Old                 bool
	Sealed              []byte
}

func golden(tb testing.TB) (cases []goldenCase) {
	tb.Helper()
	text, err := os.ReadFile("testdata/v1.json")
	if err == nil {
		err = json.Unmarshal(text, &cases)
	}
	if err != nil || len(cases) == 0 {
		tb.Fatal("no golden cases:", err)
	}
	return cases
}

func FuzzOpen(f *testing.F) {
	cases := golden(f)
	k, err := Parse(cases[0].Keys)
	if err != nil {
		f.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range cases {
		f.Add(c.Sealed, []byte(c.AD))
		known[string(c.Sealed)+"\x00"+c.AD] = true
	}
	f.Add([]byte(nil), []byte(nil))
	f.Add([]byte{1, 255}, []byte(nil))
	f.Fuzz(func(t *testing.T, sealed, ad []byte) {
		got, _, err := k.Open(sealed, ad)
		if err == nil && !known[string(sealed)+"\x00"+string(ad)] {
			t.Fatalf("a forgery opened: %x", sealed)
		}
		if err != nil && (err != ErrOpen && err != ErrUnknownKey || got != nil) {
			t.Fatalf("Open = %x, %v", got, err)
		}
	})
}
