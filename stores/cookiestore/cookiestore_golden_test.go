package cookiestore_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
)

type goldenToken struct {
	Keys, Binding, Token string
	Record               driver.Record
}

// Tokens of format 1 must open for ever, because browsers keep them. What is new adds a file; no file is ever changed.
func golden(tb testing.TB) (cases []goldenToken) {
	tb.Helper()
	// Those of v1.json are from before the tokens had epochs.
	for _, file := range []string{"testdata/v1.json", "testdata/v1_epochs.json"} {
		var more []goldenToken
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &more)
		}
		if err != nil || len(more) == 0 {
			tb.Fatal("no golden tokens:", err)
		}
		for i, c := range more {
			if rec := c.Record; rec.Subject != "" && rec.Epoch == 0 {
				more[i].Record.Epoch = 1
			}
		}
		cases = append(cases, more...)
	}
	return cases
}

func goldenStore(tb testing.TB, keys string) *cookiestore.Store {
	tb.Helper()
	parsed, err := keyring.Parse(keys)
	if err != nil {
		tb.Fatal(err)
	}
	then := func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
	return open(tb, parsed, cookiestore.NoRevocation(), cookiestore.Config{Now: then})
}

func TestGolden(t *testing.T) {
	for _, c := range golden(t) {
		got, err := goldenStore(t, c.Keys).OpenToken(ctx, c.Token, []byte(c.Binding))
		if err != nil || !reflect.DeepEqual(got, c.Record) {
			t.Errorf("Open = %+v, %v, want %+v", got, err, c.Record)
		}
	}
}

func FuzzOpen(f *testing.F) {
	cases := golden(f)
	s := goldenStore(f, cases[0].Keys)
	ours := map[string]bool{}
	for _, c := range cases {
		f.Add(c.Token, []byte(c.Binding))
		ours[c.Token+"\x00"+c.Binding] = true
	}
	f.Add("", []byte(nil))
	f.Fuzz(func(t *testing.T, token string, binding []byte) {
		_, err := s.OpenToken(ctx, token, binding)
		switch {
		case err == nil && !ours[token+"\x00"+string(binding)]:
			t.Fatalf("a forgery opened: %q", token)
		case err != nil && !errors.Is(err, driver.ErrCorrupt):
			t.Fatal(err)
		}
	})
}
