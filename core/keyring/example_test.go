package keyring_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/keyring"
)

// Keys come from the environment, the primary first. Make one with
// Generate("k2").Reveal(), or `echo k2:$(openssl rand -base64 32)`.
func ExampleParse() {
	os.Setenv("SESSION_KEYS", keyring.Generate("k2").Reveal()+", "+keyring.Generate("k1").Reveal())

	keys, err := keyring.Parse(os.Getenv("SESSION_KEYS"))
	fmt.Println(keys, err)

	_, err = keyring.Parse("k1:" + strings.Repeat("A", 43))
	fmt.Println(err)
	// Output:
	// keyring.Keyring(k2 k1) <nil>
	// keyring: key "k1": the secret is a few bytes repeated, want 32 random bytes (from keyring.Generate, or `openssl rand -base64 32` with keyring.Parse)
}

// A key is replaced by another one. What the old key has sealed stays readable until that key is dropped.
func ExampleNew() {
	old, next := keyring.Generate("k1"), keyring.Generate("k2")
	first, err := keyring.New(old)
	if err != nil {
		fmt.Println(err)
		return
	}
	both, err := keyring.New(next, old) // the first key seals, all of them open
	if err != nil {
		fmt.Println(err)
		return
	}
	last, err := keyring.New(next)
	if err != nil {
		fmt.Println(err)
		return
	}
	use := []byte("example/v1")
	sealed := first.Seal(nil, []byte("a session"), use)

	text, byOld, err := both.Open(sealed, use)
	fmt.Printf("%s, sealed by an old key: %t, %v\n", text, byOld, err)
	_, _, err = last.Open(sealed, use)
	fmt.Println(errors.Is(err, keyring.ErrUnknownKey))
	// Output:
	// a session, sealed by an old key: true, <nil>
	// true
}

// A secret manager may hand out the bytes of a key. A key that is printed or logged shows its ID only.
func ExampleKey() {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // yours: the bytes from the secret manager
	key := keyring.Key{ID: "k7", Secret: secret}
	keys, err := keyring.New(key)
	fmt.Println(key, keys.IDs(), err)
	// Output: keyring.Key(k7) [k7] <nil>
}

// For authors of stores and codecs. The last argument says what the data is for, and whose it is. What was sealed for
// alice does not open for bob.
func ExampleKeyring_Seal() {
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		fmt.Println(err)
		return
	}
	record := []byte("a record")
	sealed := keys.Seal(nil, record, []byte("mystore/v1 alice"))
	fmt.Println("bytes more:", len(sealed)-len(record) == keys.Overhead())

	opened, _, err := keys.Open(sealed, []byte("mystore/v1 alice"))
	fmt.Println(string(opened), err)
	_, _, err = keys.Open(sealed, []byte("mystore/v1 bob"))
	fmt.Println(errors.Is(err, keyring.ErrOpen))
	// Output:
	// bytes more: true
	// a record <nil>
	// true
}

// Before a key is dropped: how many records does it still seal?
func ExampleSealedBy() {
	old, next := keyring.Generate("k1"), keyring.Generate("k2")
	seal := func(keys *keyring.Keyring, err error) []byte {
		if err != nil {
			panic(err)
		}
		return keys.Seal(nil, []byte("a record"), []byte("mystore/v1"))
	}
	records := [][]byte{seal(keyring.New(old)), seal(keyring.New(next, old)), seal(keyring.New(next, old)), []byte("not sealed")}

	left := map[string]int{}
	for _, data := range records {
		if id, ok := keyring.SealedBy(data); ok {
			left[id]++
		}
	}
	fmt.Println(left)
	// Output: map[k1:1 k2:2]
}
