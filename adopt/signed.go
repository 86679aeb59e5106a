package adopt

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/gorilla/securecookie"
)

// signer opens what gorilla/securecookie has signed.
type signer struct {
	codecs []*securecookie.SecureCookie
	name   string // of the cookie; the MAC covers it
	maxAge time.Duration
	now    func() time.Time
}

// newSigner takes the keys in pairs, as the stores of gorilla/sessions do.
func newSigner(pairs [][]byte, name string, maxAge time.Duration, maxSize int, now func() time.Time) (*signer, error) {
	if len(pairs) == 0 {
		return nil, wrong("KeyPairs", "is not set: give it the keys of the old store, in the same order")
	}
	s := &signer{name: name, maxAge: maxAge, now: now}
	for i := 0; i < len(pairs); i += 2 {
		var block []byte
		if i+1 < len(pairs) {
			block = pairs[i+1]
		}
		switch n := len(block); {
		case len(pairs[i]) == 0:
			return nil, wrong("KeyPairs", "has no key at %d, where one for the MAC belongs", i)
		case block != nil && n != 16 && n != 24 && n != 32:
			return nil, wrong("KeyPairs", "has %d bytes at %d: a key for AES has 16, 24 or 32; nil: not encrypted", n, i+1)
		}
		// What is inside is decoded later, within bounds. The age is checked here, with the clock of the settings.
		s.codecs = append(s.codecs, securecookie.New(pairs[i], block).
			SetSerializer(securecookie.NopEncoder{}).MaxAge(0).MaxLength(maxSize))
	}
	return s, nil
}

// signed says of what a key of ours has signed when it ends, and what it is known by.
type signed struct {
	mark  string // the same for every spelling of the text
	until time.Time
}

// open checks the MAC, then the age, and then calls decode with what is inside. It returns false for what no key has
// signed, and for what has expired. Two pairs may have one MAC key and different keys for the encryption, so a failed
// decode goes on with the next pair. decode's error is returned if no pair fits.
func (s *signer) open(text string, decode func([]byte) error) (sig signed, ok bool, err error) {
	for _, codec := range s.codecs {
		var inside []byte
		if codec.Decode(s.name, text, &inside) != nil {
			continue
		}
		if sig, ok = s.read(text); !ok || !s.now().Before(sig.until) {
			return signed{}, false, nil
		}
		if err = decode(inside); err == nil {
			return sig, true, nil
		}
	}
	return signed{}, false, err
}

// read reads what stands in a text beside the values: date|values|MAC. The MAC covers the date, and was checked.
func (s *signer) read(text string) (signed, bool) {
	// Base64 has several spellings of the same bytes. A thief could use another one after the takeover.
	raw, err := base64.URLEncoding.DecodeString(text)
	if err != nil {
		return signed{}, false
	}
	date, _, _ := bytes.Cut(raw, []byte("|"))
	seconds, err := strconv.ParseInt(string(date), 10, 64)
	if err != nil {
		return signed{}, false
	}
	// securecookie counts whole seconds, and takes the last one.
	return signed{string(raw), time.Unix(seconds, 0).Add(s.maxAge + time.Second)}, true
}
