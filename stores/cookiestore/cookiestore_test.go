package cookiestore_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

var (
	ctx     = context.Background()
	binding = []byte("__Host-session")
)

func TestOpenReturnsWhatWasSealed(t *testing.T) {
	s := simple(t)
	for _, rec := range []driver.Record{
		record("data"),
		record(""),
		{ID: driver.ID{1}, Subject: "alice", Labels: []string{"admin", "idp:7", strings.Repeat("x", driver.MaxSubject)}, Created: time.UnixMicro(1).UTC(), Used: time.UnixMicro(1 << 50).UTC(), Expires: time.UnixMicro(1 << 51).UTC()},
		{ID: driver.ID{31: 9}, Expires: time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), Version: 1 << 40, Data: bytes.Repeat([]byte{0, 255}, 1000)},
	} {
		before := rec.Version
		token := seal(t, s, &rec)
		if rec.Version != before+1 {
			t.Fatalf("Seal set Version to %d, it was %d", rec.Version, before)
		}
		if !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(token) {
			t.Fatalf("the token is no cookie value: %q", token)
		}
		got, err := s.OpenToken(ctx, token, binding)
		if len(got.Data)+len(rec.Data) == 0 {
			got.Data, rec.Data = nil, nil
		}
		if err != nil || !reflect.DeepEqual(got, rec) {
			t.Fatalf("Open = %+v, %v, want %+v", got, err, rec)
		}
	}
}

func TestWhatIsNoTokenOfOursIsCorrupt(t *testing.T) {
	keys := ring(t, keyring.Generate("k1"))
	s := open(t, keys, cookiestore.NoRevocation(), cookiestore.Config{})
	rec := record("some data of the session")
	token := seal(t, s, &rec)
	corrupt := func(what, token string, binding []byte) {
		t.Helper()
		got, err := s.OpenToken(ctx, token, binding)
		if !errors.Is(err, driver.ErrCorrupt) || errors.Is(err, driver.ErrNotFound) || got.Data != nil || got.Subject != "" {
			t.Errorf("%s: Open(%q) = %+v, %v", what, token, got, err)
		}
		if err != nil && token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("%s: the error quotes the token: %v", what, err)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		altered := bytes.Clone(raw)
		altered[i] ^= 1 << (i % 8)
		corrupt("flipped bit", base64.RawURLEncoding.EncodeToString(altered), binding)
	}
	for i := range token {
		corrupt("cut", token[:i], binding)
		corrupt("line break", token[:i]+"\n"+token[i:], binding)
		corrupt("carriage return", token[:i]+"\r"+token[i:], binding)
		for _, c := range "A_=+ .\x00" {
			if rune(token[i]) != c {
				corrupt("other character", token[:i]+string(c)+token[i+1:], binding)
			}
		}
	}
	corrupt("padded", token+"=", binding)
	corrupt("longer", token+"A", binding)
	corrupt("twice", token+token, binding)
	corrupt("huge", strings.Repeat("A", 1<<20), binding)
	corrupt("other binding", token, []byte("staff"))
	corrupt("no binding", token, nil)

	other := open(t, ring(t, keyring.Generate("k1")), cookiestore.NoRevocation(), cookiestore.Config{})
	corrupt("other secret under the same id", seal(t, other, &rec), binding)
	for what, ad := range map[string]string{"a record sealed by core": "coatcheck/record/v1\x00", "no use named": ""} {
		corrupt(what, base64.RawURLEncoding.EncodeToString(keys.Seal(nil, raw, append([]byte(ad), binding...))), binding)
	}
	ends := "\x01" + strings.Repeat("\x00", 43)
	subjectTooLong, labelTooLong, labelsMissing := ends+"\x05abc", ends+"\x00\x01\x05abc", ends+"\x00\x02\x01a"
	for _, payload := range []string{"", "\x01", "\x00" + strings.Repeat("x", 100), "\x01" + strings.Repeat("\xff", 100), "\x01" + strings.Repeat("\x00", 40),
		subjectTooLong, labelTooLong, labelsMissing} {
		sealed := keys.Seal(nil, []byte(payload), append([]byte("coatcheck/cookiestore/v1\x00"), binding...))
		corrupt("payload not ours", base64.RawURLEncoding.EncodeToString(sealed), binding)
	}
}

// The last character of a token has unused bits, which a lenient decoder ignores. Only one spelling may open.
func TestOneTokenHasOneSpelling(t *testing.T) {
	s := simple(t)
	for _, data := range []string{"", "1", "22"} {
		rec := record(data)
		token := seal(t, s, &rec)
		opened := 0
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			if _, err := s.OpenToken(ctx, token[:len(token)-1]+string(c), binding); err == nil {
				opened++
			}
		}
		if opened != 1 {
			t.Errorf("%d spellings of a token of %d characters", opened, len(token))
		}
	}
}

func TestTheDeadlineIsInsideTheSeal(t *testing.T) {
	clock := storetest.NewClock()
	s := open(t, ring(t, keyring.Generate("k1")), cookiestore.NoRevocation(), cookiestore.Config{Now: clock.Now})
	rec := record("data")
	rec.Expires = clock.Now().Add(time.Minute).Truncate(time.Microsecond)
	token := seal(t, s, &rec)

	clock.Advance(rec.Expires.Sub(clock.Now()) - time.Nanosecond)
	if _, err := s.OpenToken(ctx, token, binding); err != nil {
		t.Fatal("before the deadline:", err)
	}
	clock.Advance(time.Nanosecond)
	if _, err := s.OpenToken(ctx, token, binding); !errors.Is(err, driver.ErrNotFound) || errors.Is(err, driver.ErrCorrupt) {
		t.Fatal("at the deadline:", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cookiestore.Config{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			binding := bytes.Repeat([]byte("b"), i)
			for n := range 100 {
				rec := record(strings.Repeat(string(rune('a'+i)), 10*n))
				token, err := s.SealToken(ctx, &rec, binding, limit)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := s.OpenToken(ctx, token, binding); err != nil || string(got.Data) != string(rec.Data) {
					t.Errorf("Open = %q, %v, want %q", got.Data, err, rec.Data)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestKeyRotation(t *testing.T) {
	one, two := keyring.Generate("k1"), keyring.Generate("k2")
	before := open(t, ring(t, one), cookiestore.NoRevocation(), cookiestore.Config{})
	during := open(t, ring(t, two, one), cookiestore.NoRevocation(), cookiestore.Config{})
	after := open(t, ring(t, two), cookiestore.NoRevocation(), cookiestore.Config{})

	rec := record("data")
	token := seal(t, before, &rec)
	got, err := during.OpenToken(ctx, token, binding)
	if err != nil {
		t.Fatal("with the former key as an old one:", err)
	}
	renewed := seal(t, during, &got)
	if _, err := after.OpenToken(ctx, renewed, binding); err != nil {
		t.Fatal("written again with the new primary:", err)
	}
	if _, err := after.OpenToken(ctx, token, binding); !errors.Is(err, driver.ErrCorrupt) {
		t.Fatal("with the former key dropped:", err)
	}
}

func TestSizeBound(t *testing.T) {
	// The numbers in the package comment.
	const most, young, day = 2956, 6, 24 * time.Hour
	s := simple(t)
	sized := func(age time.Duration, size int) driver.Record {
		rec := record(strings.Repeat("x", size))
		rec.Subject, rec.Used = "", rec.Created.Add(age)
		rec.Expires = rec.Used.Add(14 * day)
		return rec
	}
	for _, rec := range []driver.Record{sized(90*day, most), sized(0, most+young)} {
		if token := seal(t, s, &rec); len(token) > limit {
			t.Fatalf("a token of %d bytes for a limit of %d", len(token), limit)
		}
	}
	rec := sized(0, most+young+1)
	if _, err := s.SealToken(ctx, &rec, binding, limit); !errors.Is(err, driver.ErrTooLarge) {
		t.Fatal("one byte more in a young session:", err)
	}
	rec = sized(90*day, most+1)
	token, err := s.SealToken(ctx, &rec, binding, limit)
	if token != "" || !errors.Is(err, driver.ErrTooLarge) || rec.Version != 0 {
		t.Fatalf("one byte more: Seal = %q, %v, and set Version to %d", token, err, rec.Version)
	}
	want := "cookiestore: session too large: its 2957 bytes of data make a token of 4083 bytes, the limit is 4082, which has room for 2956 bytes of data; " +
		"keep less in the session, or keep it on the server (filestore, gormstore, redisstore, ...)"
	if err.Error() != want {
		t.Errorf("the error says\n%s\nwant\n%s", err, want)
	}

	// For every limit, the room that the error names is exact.
	for limit := range 300 {
		rec := record(strings.Repeat("x", 300))
		var room int
		_, err := s.SealToken(ctx, &rec, binding, limit)
		if _, scan := fmt.Sscanf(err.Error(), "cookiestore: session too large: its 300 bytes of data make a token of 538 bytes, the limit is "+fmt.Sprint(limit)+", which has room for %d bytes", &room); scan != nil {
			t.Fatal(err)
		}
		rec.Data = rec.Data[:room]
		if _, err := s.SealToken(ctx, &rec, binding, limit); err != nil && room > 0 {
			t.Errorf("limit %d: %d bytes should have fit: %v", limit, room, err)
		}
	}
}

func TestNewWantsKeysAndARevocation(t *testing.T) {
	keys := ring(t, keyring.Generate("k1"))
	for want, c := range map[string]struct {
		keys *keyring.Keyring
		mode cookiestore.Revocation
	}{
		"keys is nil":           {nil, cookiestore.NoRevocation()},
		"make a keyring with":   {new(keyring.Keyring), cookiestore.NoRevocation()},
		"choose a revocation":   {keys, cookiestore.Revocation{}},
		"RevokeIn got no store": {keys, cookiestore.RevokeIn(nil)},
	} {
		s, err := cookiestore.New(c.keys, c.mode, cookiestore.Config{})
		if s != nil || err == nil || !strings.HasPrefix(err.Error(), "cookiestore: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, %v, want an error with %q", s, err, want)
		}
	}
}

func TestInfo(t *testing.T) {
	keys := ring(t, keyring.Generate("k1"))
	for _, c := range []struct {
		mode cookiestore.Revocation
		want driver.Info
	}{
		{cookiestore.NoRevocation(), driver.Info{Name: "cookiestore", InMemory: true, NoRevocation: true}},
		{cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), driver.Info{Name: "cookiestore", InMemory: true, Local: true}},
		{cookiestore.RevokeIn(&answering{}), driver.Info{Name: "cookiestore"}},
	} {
		if got := open(t, keys, c.mode, cookiestore.Config{}).Info(); got != c.want {
			t.Errorf("Info = %+v, want %+v", got, c.want)
		}
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	key := keyring.Generate("k1")
	s := open(t, ring(t, key), cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cookiestore.Config{})
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%q", "%d"} {
		text := fmt.Sprintf(verb, s) + fmt.Sprintf(verb, *s)
		for _, form := range []string{"%x", "%X", "%d", "%s"} {
			if secret := strings.Trim(fmt.Sprintf(form, key.Secret[4:9]), "[]"); strings.Contains(text, secret) {
				t.Errorf("%s prints the secret: %s", verb, text)
			}
		}
	}
}

// A token of a newer format opens with one of the keys, so its session can be ended: OpenToken returns the ID and
// nothing else. Format 0 does not exist.
func TestTokenOfANewerFormat(t *testing.T) {
	keys := ring(t, keyring.Generate("k1"))
	s := open(t, keys, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cookiestore.Config{})
	id := driver.ID{7, 31: 9}
	for format, want := range map[byte]error{0: driver.ErrCorrupt, 2: driver.ErrUnreadable, 255: driver.ErrUnreadable} {
		ad := append([]byte("coatcheck/cookiestore/v1\x00"), binding...)
		token := base64.RawURLEncoding.EncodeToString(keys.Seal(nil, append([]byte{format}, id[:]...), ad))
		rec, err := s.OpenToken(ctx, token, binding)
		if !errors.Is(err, want) || (want == driver.ErrUnreadable) != (rec.ID == id) {
			t.Errorf("format %d: %+v, %v", format, rec, err)
		}
		if rec.ID = (driver.ID{}); !reflect.DeepEqual(rec, driver.Record{}) {
			t.Errorf("format %d: %+v", format, rec)
		}
		if _, err := s.OpenToken(ctx, token, []byte("another")); !errors.Is(err, driver.ErrCorrupt) {
			t.Errorf("format %d, for another binding: %v", format, err)
		}
	}
	short := base64.RawURLEncoding.EncodeToString(keys.Seal(nil, []byte{2, 1}, append([]byte("coatcheck/cookiestore/v1\x00"), binding...)))
	if _, err := s.OpenToken(ctx, short, binding); !errors.Is(err, driver.ErrCorrupt) {
		t.Errorf("without an ID: %v", err)
	}
}

// An application holds the cookie store only, so its Close closes the store of revoked sessions, too.
func TestCloseClosesTheRevocationStore(t *testing.T) {
	closed := errors.New("closed")
	revoked := closing{made.Of(memstore.New(memstore.Config{})), closed}
	s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(revoked), cookiestore.Config{})
	if err := s.Close(); err != closed {
		t.Errorf("Close = %v, want what the store of revoked sessions answers", err)
	}
	if err := simple(t).Close(); err != nil {
		t.Errorf("Close without one = %v", err)
	}
}

type closing struct {
	driver.Store
	err error
}

func (c closing) Close() error { return c.err }
