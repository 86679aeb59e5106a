package keyring

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNewNamesWhatIsWrong(t *testing.T) {
	good, other := Generate("k1"), Generate("k2")
	for name, c := range map[string]struct {
		keys []Key
		want string
	}{
		"no id":            {[]Key{{Secret: good.Secret}}, `Key.ID: the id has 0 characters, want 1 to 16`},
		"long id":          {[]Key{{ID: strings.Repeat("k", 17), Secret: good.Secret}}, "the id has 17 characters, want 1 to 16"},
		"upper case":       {[]Key{{ID: "K1", Secret: good.Secret}}, `Key.ID: the id has a character other than a-z 0-9`},
		"dot":              {[]Key{{ID: "k.1", Secret: good.Secret}}, "character other than a-z 0-9"},
		"no secret":        {[]Key{{ID: "k1"}}, `key "k1": the secret has 0 bytes, want 32 random bytes`},
		"short":            {[]Key{good, {ID: "k2", Secret: good.Secret[:31]}}, `key "k2": the secret has 31 bytes`},
		"long":             {[]Key{{ID: "k1", Secret: append(good.Secret[:32:32], 0)}}, "the secret has 33 bytes"},
		"zero":             {[]Key{{ID: "k1", Secret: make([]byte, 32)}}, `key "k1": the secret is a few bytes repeated`},
		"repeated":         {[]Key{{ID: "k1", Secret: bytes.Repeat([]byte{1, 2, 3, 200}, 8)}}, "a few bytes repeated"},
		"password":         {[]Key{{ID: "k1", Secret: []byte("correct horse battery staple 123")}}, `key "k1": the secret is text`},
		"duplicate id":     {[]Key{good, {ID: "k1", Secret: other.Secret}}, `two keys have the id "k1"`},
		"duplicate secret": {[]Key{other, {ID: "k1", Secret: other.Secret}}, `keys "k2" and "k1" have the same secret`},
	} {
		k, err := New(c.keys[0], c.keys[1:]...)
		if k != nil || err == nil || !strings.HasPrefix(err.Error(), "keyring: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: New = %v, %v", name, k, err)
			continue
		}
		noSecret(t, name, err.Error(), good, other)
	}
}

func TestParse(t *testing.T) {
	one, two := Generate("k1"), Generate("k2")
	sealed := must(t, one).Seal(nil, []byte("x"), nil)
	std, url := base64.StdEncoding, base64.URLEncoding
	for _, text := range []string{
		two.Reveal() + "," + one.Reveal(),
		" " + two.Reveal() + " ,\n\t" + one.Reveal() + "\n",
		"k2:" + url.EncodeToString(two.Secret) + ",k1:" + url.WithPadding(-1).EncodeToString(one.Secret),
		"k2:" + std.WithPadding(-1).EncodeToString(two.Secret) + "\r\nk1:" + std.EncodeToString(one.Secret),
	} {
		k, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, old, err := k.Open(sealed, nil); err != nil || !old {
			t.Errorf("k1 should be an old key: %v, %v", old, err)
		}
		if got := k.String(); got != "keyring.Keyring(k2 k1)" {
			t.Error(got)
		}
	}
}

func TestParseErrorsDoNotQuoteSecrets(t *testing.T) {
	k := Generate("k1")
	b64 := base64.StdEncoding.EncodeToString(k.Secret)
	for text, want := range map[string]string{
		"":                      "no key given",
		" , ":                   "no key given",
		b64:                     "key number 1 has no colon",
		"k1:" + b64 + "," + b64: "key number 2 has no colon",
		b64 + ":k1":             "key number 1: the id has",
		hex.EncodeToString(k.Secret[:8]) + "x:k1": "key number 1: the id has 17 characters",
		"k1:" + b64[:20] + "!" + b64[21:]:         `key "k1": the secret is not base64`,
		"k1:" + b64[:40]:                          `key "k1": the secret has 30 bytes, want 32`,
		"k1:" + hex.EncodeToString(k.Secret):      `key "k1": the secret has 48 bytes, want 32`,
		"k1:" + b64 + ",k1:" + b64:                `two keys have the id "k1"`,
	} {
		got, err := Parse(text)
		if got != nil || err == nil || !strings.HasPrefix(err.Error(), "keyring: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
			continue
		}
		noSecret(t, want, err.Error(), k)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	key := Generate("k1")
	ring := must(t, key, Generate("k2"))
	type exported struct {
		Key  Key
		Ptr  *Key
		Ring *Keyring
		Copy Keyring
		List []Key
		Map  map[string]any
	}
	type hidden struct {
		ring *Keyring
		copy Keyring
	}
	all := exported{key, &key, ring, *ring, []Key{key}, map[string]any{"key": key, "ring": ring}}
	for _, v := range []any{key, &key, ring, *ring, all, &all, hidden{ring, *ring}, &hidden{ring, *ring}, []any{ring, key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%X", "% x", "%s", "%q", "%d", "%c", "%T %U", "%!"} {
			noSecret(t, verb, fmt.Sprintf(verb, v), key)
		}
		var logs bytes.Buffer
		slog.New(slog.NewTextHandler(&logs, nil)).Info("text", "v", v)
		slog.New(slog.NewJSONHandler(&logs, nil)).Info("json", "v", v)
		noSecret(t, "slog", logs.String(), key)
		text, _ := json.Marshal(v)
		noSecret(t, "json", string(text), key)
		text, _ = xml.Marshal(v)
		noSecret(t, "xml", string(text), key)
	}
	for want, v := range map[string]any{"keyring.Key(k1)": key, "keyring.Keyring(k1 k2)": ring, "keyring.Keyring()": Keyring{}} {
		if got := fmt.Sprintf("%v", v); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// noSecret looks for a run of four bytes of a secret in any spelling.
func noSecret(t *testing.T, what, text string, keys ...Key) {
	t.Helper()
	for _, k := range keys {
		part := k.Secret[6:10]
		decimal := strings.Trim(fmt.Sprint(part), "[]")
		golang := strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte"), "{}")
		for _, form := range []string{
			string(part), decimal, golang, strings.ReplaceAll(decimal, " ", ","),
			hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)), fmt.Sprintf("% x", part),
			base64.StdEncoding.EncodeToString(k.Secret[6:12]), base64.URLEncoding.EncodeToString(k.Secret[6:12]),
		} {
			if strings.Contains(text, form) {
				t.Errorf("%s shows the secret of %s: %s", what, k.ID, text)
			}
		}
	}
}

// A secret that was given as an ID is in no error.
func TestNewQuotesNoID(t *testing.T) {
	secret := "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlYzE="
	for _, id := range []string{secret, secret[:12] + "+"} {
		if _, err := New(Key{ID: id, Secret: []byte("k1")}); err == nil || strings.Contains(err.Error(), id) {
			t.Errorf("%v", err)
		}
	}
}
