package keyring_test

import (
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
