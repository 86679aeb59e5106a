package cookiestore_test

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
)

// limit is the room for the token in 4096 bytes, beside the name __Host-session.
const limit = 4096 - len("__Host-session")

func ring(tb testing.TB, primary keyring.Key, old ...keyring.Key) *keyring.Keyring {
	tb.Helper()
	keys, err := keyring.New(primary, old...)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

func open(tb testing.TB, keys *keyring.Keyring, mode cookiestore.Revocation, config cookiestore.Config) *cookiestore.Store {
	tb.Helper()
	s, err := cookiestore.New(keys, mode, config)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func simple(tb testing.TB) *cookiestore.Store {
	return open(tb, ring(tb, keyring.Generate("k1")), cookiestore.NoRevocation(), cookiestore.Config{})
}

func record(data string) driver.Record {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return driver.Record{ID: driver.ID{1, 2, 3}, Subject: "alice", Created: now, Used: now, Expires: now.Add(time.Hour), Data: []byte(data)}
}

func seal(tb testing.TB, s *cookiestore.Store, rec *driver.Record) string {
	tb.Helper()
	token, err := s.SealToken(ctx, rec, binding, limit)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}
