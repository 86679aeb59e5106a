package keyring

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// Format makes every verb of fmt print the ID without the secret. In an unexported field of another struct fmt cannot
// call it: keep a Keyring there, not a Key.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// String returns the ID without the secret.
func (k Key) String() string { return "keyring.Key(" + k.ID + ")" }

// GoString returns what String does.
func (k Key) GoString() string { return k.String() }

// LogValue returns what String does.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns what String does, for JSON, YAML and XML. See Reveal.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Format makes every verb of fmt print the keys' ids.
func (k Keyring) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// IDs returns the ids of the keys: first that of the primary key, which seals, then those of the others, sorted.
func (k Keyring) IDs() []string {
	if k.keys == nil {
		return nil
	}
	ids := []string{string(k.primary.header[2:])}
	for _, id := range slices.Sorted(maps.Keys(k.byID)) {
		if id != ids[0] {
			ids = append(ids, id)
		}
	}
	return ids
}

// String returns the ids of the keys, the primary first.
func (k Keyring) String() string { return "keyring.Keyring(" + strings.Join(k.IDs(), " ") + ")" }

// GoString returns what String does.
func (k Keyring) GoString() string { return k.String() }

// LogValue returns what String does.
func (k Keyring) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns what String does, for JSON, YAML and XML.
func (k Keyring) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
