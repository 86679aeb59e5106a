package keyring

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

const (
	secretSize = 32
	maxID      = 16
)

// Key is a secret and its ID, by which sealed data names the key. Printing or logging a Key shows the ID only.
type Key struct {
	// ID is written in the clear into everything that the key seals. It has 1 to 16 characters of a-z and 0-9. Never
	// use an ID again for another secret.
	ID string

	// Secret is 32 random bytes. A password or any other text is refused.
	Secret []byte
}

// Generate makes a key with a random secret.
func Generate(id string) Key {
	k := Key{ID: id, Secret: make([]byte, secretSize)}
	rand.Read(k.Secret)
	return k
}

// Reveal returns "id:secret" as Parse reads it. It is the only method that shows the secret: write it where the
// application's secrets are kept, not into a log.
func (k Key) Reveal() string {
	return k.ID + ":" + base64.StdEncoding.EncodeToString(k.Secret)
}

// Parse makes a keyring from text such as an environment variable: "k2:<secret>, k1:<secret>". The primary key comes
// first, then the old keys, separated by commas or white space. A secret is the base64 form, standard or URL, with or
// without padding, of 32 random bytes; `openssl rand -base64 32` prints one. Errors never quote the text.
func Parse(text string) (*Keyring, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	if len(fields) == 0 {
		return nil, errors.New("keyring: no key given, want " + wantText)
	}
	keys := make([]Key, len(fields))
	for i, f := range fields {
		id, secret, found := strings.Cut(f, ":")
		if !found {
			return nil, fmt.Errorf("keyring: key number %d has no colon, want %s", i+1, wantText)
		}
		if err := checkID(id); err != nil {
			return nil, fmt.Errorf("keyring: key number %d: %w", i+1, err)
		}
		raw, err := base64.RawStdEncoding.Strict().DecodeString(toRawStd.Replace(strings.TrimRight(secret, "=")))
		if err != nil {
			return nil, fmt.Errorf("keyring: key %q: the secret is not base64, want %s", id, want)
		}
		keys[i] = Key{ID: id, Secret: raw}
	}
	return New(keys[0], keys[1:]...)
}

const (
	want     = "32 random bytes (from keyring.Generate, or `openssl rand -base64 32` with keyring.Parse)"
	wantText = `"id:secret" with the base64 form of 32 random bytes (openssl rand -base64 32)`
)

var toRawStd = strings.NewReplacer("-", "+", "_", "/")

// checkID does not quote the id in its errors: if the parts were swapped, it is the secret.
func checkID(id string) error {
	if len(id) < 1 || len(id) > maxID {
		return fmt.Errorf("the id has %d characters, want 1 to %d of a-z 0-9", len(id), maxID)
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return errors.New("the id has a character other than a-z 0-9")
		}
	}
	return nil
}

func (k Key) check() error {
	if err := checkID(k.ID); err != nil {
		return fmt.Errorf("keyring: Key.ID: %w", err)
	}
	if len(k.Secret) != secretSize {
		return fmt.Errorf("keyring: key %q: the secret has %d bytes, want %s", k.ID, len(k.Secret), want)
	}
	seen, text := map[byte]bool{}, true
	for _, b := range k.Secret {
		seen[b] = true
		text = text && b >= ' ' && b <= '~'
	}
	// Random bytes fail either test less than once in 10^13 keys.
	if len(seen) < 8 {
		return fmt.Errorf("keyring: key %q: the secret is a few bytes repeated, want %s", k.ID, want)
	}
	if text {
		return fmt.Errorf("keyring: key %q: the secret is text (a password, or base64 or hex not decoded), want %s", k.ID, want)
	}
	return nil
}
