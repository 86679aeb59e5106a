package adopt_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
)

var alice = map[any]any{"user": "alice", "_flash": []any{"welcome"}}

func TestCookieIsTakenOverOnce(t *testing.T) {
	c := settings()
	c.Cookie = http.Cookie{Name: "old", Domain: "example.com", Secure: true, Partitioned: true, Value: "x", MaxAge: 9}
	a := made.Of(adopt.NewGorilla(c))
	text := write(t, "old", alice)
	found, err := a.Adopt(ctx, present("old", text))
	must(t, err)
	if found == nil || found.Subject != "alice" {
		t.Fatalf("adopted %+v", found)
	}
	want := http.Cookie{Name: "old", Path: "/", Domain: "example.com", Secure: true, Partitioned: true}
	if len(found.Forget) != 1 || found.Forget[0].String() != want.String() {
		t.Errorf("Forget = %+v", found.Forget)
	}
	if subject(t, a, present("old", text)) != "alice" {
		t.Error("not adopted again before Taken: our session was not stored yet")
	}
	must(t, found.Taken(ctx))
	takenBefore(t, found) // two requests at once
	if subject(t, a, present("old", text)) != "" {
		t.Error("adopted after Taken")
	}
	if subject(t, a, present("old", write(t, "old", map[any]any{"user": "bob"}))) != "bob" {
		t.Error("another session is over, too")
	}
}

// respell returns texts that base64 decodes to the same bytes. The last character before the padding has bits that do
// not count.
func respell(t *testing.T, text string) (others []string) {
	t.Helper()
	raw := made.Of(base64.URLEncoding.DecodeString(text))
	end := len(strings.TrimRight(text, "=")) - 1
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		other := text[:end] + string(c) + text[end+1:]
		if b, err := base64.URLEncoding.DecodeString(other); err == nil && string(b) == string(raw) && other != text {
			others = append(others, other)
		}
	}
	return others
}

// TestRespelledCookie makes cookies until one has padding, and so another spelling.
func TestRespelledCookie(t *testing.T) {
	for pad := range 3 {
		text := write(t, "old", map[any]any{"user": "alice", "pad": strings.Repeat("x", pad)}, hashKey)
		others := respell(t, text)
		if len(others) == 0 {
			continue
		}
		c := settings()
		c.KeyPairs = c.KeyPairs[:1]
		a := made.Of(adopt.NewGorilla(c))
		found := made.Of(a.Adopt(ctx, present("old", text)))
		must(t, found.Taken(ctx))
		if subject(t, a, present("old", others[0])) != "" {
			t.Error("another spelling was adopted after Taken")
		}
		return
	}
	t.Error("no cookie had padding")
}

func TestWhatIsNobodys(t *testing.T) {
	read := 0
	c := settings()
	c.Read = func(context.Context, map[any]any) (*core.Adoption, error) {
		read++
		return &core.Adoption{Subject: "alice"}, nil
	}
	c.MaxSize = 4096
	a := made.Of(adopt.NewGorilla(c))
	text := write(t, "old", alice)
	middle := len(text) / 2
	for name, value := range map[string]string{
		"empty": "", "junk": "junk", "bars": "||", "another key": write(t, "old", alice, blockKey, blockKey),
		"another name's": write(t, "other", alice), "truncated": text[:middle], "without its end": text[:len(text)-4],
		"changed":        text[:middle] + string(text[middle]^1) + text[middle+1:],
		"too long":       write(t, "old", map[any]any{"user": "alice", "x": strings.Repeat("x", 4096)}),
		"not encrypted":  write(t, "old", alice, blockKey),
		"MAC of nothing": base64.URLEncoding.EncodeToString([]byte("1|AA==|")),
	} {
		if found, err := a.Adopt(ctx, present("old", value)); found != nil || err != nil || read > 0 {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	if found, err := a.Adopt(ctx, present("new", text)); found != nil || err != nil {
		t.Errorf("another cookie: %+v, %v", found, err)
	}
	if subject(t, a, present("old", text)) != "alice" {
		t.Error("the genuine cookie was not taken")
	}
}

func TestDeadlineOfACookie(t *testing.T) {
	clock := storetest.NewClock()
	c := settings()
	c.Now, c.MaxAge, c.TakenIn = clock.Now, time.Hour, newStore(clock.Now)
	a := made.Of(adopt.NewGorilla(c))
	text := write(t, "old", alice)
	clock.Advance(time.Hour) // the cookie's time has no fractions
	found := made.Of(a.Adopt(ctx, present("old", text)))
	if found == nil {
		t.Fatal("expired before its time")
	}
	must(t, found.Taken(ctx))
	sweep := driver.AbilitiesOf(c.TakenIn).Sweeper.Sweep
	if n := made.Of(sweep(ctx, 9)); n != 0 {
		t.Error("forgotten while the cookie was valid")
	}
	other := write(t, "old", alice)
	clock.Advance(3 * time.Second)
	if subject(t, a, present("old", other)) != "" {
		t.Error("taken after its deadline")
	}
	if n := made.Of(sweep(ctx, 9)); n != 1 {
		t.Errorf("%d hashes were swept", n)
	}
	takenBefore(t, found) // too late to remember anything
	if n := made.Of(sweep(ctx, 9)); n != 0 {
		t.Error("remembered after the deadline")
	}
}

// A browser has two cookies of one name if the old application once changed the Path. After our Logout, the second must
// not sign its user in.
func TestSeveralCookies(t *testing.T) {
	c := settings()
	tried := 0
	c.Read = func(_ context.Context, values map[any]any) (*core.Adoption, error) {
		tried++
		return readUser[any]("user")(ctx, values)
	}
	a := made.Of(adopt.NewGorilla(c))
	nobody, first, second := write(t, "old", map[any]any{}), write(t, "old", alice), write(t, "old", map[any]any{"user": "bob"})
	found := made.Of(a.Adopt(ctx, present("old", "junk", nobody, first, second)))
	if found.Subject != "alice" || tried != 2 {
		t.Errorf("%+v, %d read", found, tried)
	}
	must(t, found.Taken(ctx))
	if subject(t, a, present("old", nobody, first, second)) != "" || tried != 2 {
		t.Error("one of them came back")
	}
	if subject(t, a, present("old", "1", "2", "3", "4", write(t, "old", alice))) != "" {
		t.Error("a fifth value was tried")
	}
	if subject(t, a, present("old", "1", "1", "1", "1", write(t, "old", alice))) != "alice" {
		t.Error("a value counts twice")
	}
}

// The keys of a FilesystemStore may have been rotated, with the key for the MAC as it was.
func TestRotatedKeys(t *testing.T) {
	older := []byte("0123456789abcdef")
	c := settings()
	c.KeyPairs = [][]byte{hashKey, blockKey, hashKey, older, blockKey}
	a := made.Of(adopt.NewGorilla(c))
	for _, keys := range [][][]byte{{hashKey, blockKey}, {hashKey, older}, {blockKey}} {
		if subject(t, a, present("old", write(t, "old", alice, keys...))) != "alice" {
			t.Errorf("not taken with %d keys", len(keys))
		}
	}
}

type unregistered struct{ N int }

// Nothing of this may look like a visitor: it would sign out everybody.
func TestErrorsOfAdopt(t *testing.T) {
	down := errors.New("connection refused")
	gob.Register(unregistered{})
	text := write(t, "old", alice)
	fault := storetest.NewFault(newStore(nil))
	with := func(change func(*adopt.Gorilla)) *adopt.Adopter {
		c := settings()
		change(&c)
		return made.Of(adopt.NewGorilla(c))
	}
	records := func(find func(context.Context, string) ([]byte, error)) *adopt.Adopter {
		return with(func(c *adopt.Gorilla) {
			c.Find, c.Delete, c.MaxSize = find, func(context.Context, string) error { return down }, 512
		})
	}
	for name, c := range map[string]struct {
		a    *adopt.Adopter
		text string
		want string
	}{
		"Read": {with(func(c *adopt.Gorilla) {
			c.Read = func(context.Context, map[any]any) (*core.Adoption, error) { return nil, down }
		}), text, "connection refused"},
		"TakenIn":        {with(func(c *adopt.Gorilla) { c.TakenIn = fault.Store() }), text, "injected outage"},
		"another AES":    {with(func(c *adopt.Gorilla) { c.KeyPairs = [][]byte{hashKey, hashKey} }), text, "cannot be decoded"},
		"Find":           {records(func(context.Context, string) ([]byte, error) { return nil, down }), write(t, "old", "ID"), "connection refused"},
		"junk":           {records(func(context.Context, string) ([]byte, error) { return []byte("junk"), nil }), write(t, "old", "ID"), "cannot be decoded"},
		"a large record": {records(func(context.Context, string) ([]byte, error) { return make([]byte, 513), nil }), write(t, "old", "ID"), "MaxSize is 512"},
		"no ID":          {records(func(context.Context, string) ([]byte, error) { return nil, nil }), text, "cannot be decoded"},
	} {
		fault.Before(storetest.Outage)
		found, err := c.a.Adopt(ctx, present("old", c.text))
		if found != nil || err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}

	a := with(func(c *adopt.Gorilla) { c.TakenIn = fault.Store() })
	fault.Before(nil)
	found := made.Of(a.Adopt(ctx, present("old", text)))
	fault.Before(storetest.Outage)
	if err := found.Taken(ctx); !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("Taken: %v", err)
	}
	a = records(func(context.Context, string) ([]byte, error) { return gobOf(t, alice), nil })
	found = made.Of(a.Adopt(ctx, present("old", write(t, "old", "ID"))))
	if err := found.Taken(ctx); !errors.Is(err, down) {
		t.Errorf("Taken: %v", err)
	}
}

func TestRecordsThatAreAbsent(t *testing.T) {
	for _, absent := range []error{nil, core.ErrNotFound} {
		c := settings()
		c.Find = func(context.Context, string) ([]byte, error) { return nil, absent }
		c.Delete = func(context.Context, string) error { return nil }
		if subject(t, made.Of(adopt.NewGorilla(c)), present("old", write(t, "old", "ID"))) != "" {
			t.Error("taken")
		}
	}
}

// What Read returns may have a Taken and a Forget of its own. Read may return the same Adoption again and again.
func TestReadsOwnTaken(t *testing.T) {
	taken := 0
	shared := &core.Adoption{
		Subject: "alice", Forget: append(make([]*http.Cookie, 0, 2), &http.Cookie{Name: "theme"}),
		Taken: func(context.Context) error { taken++; return nil },
	}
	c := settings()
	c.Read = func(context.Context, map[any]any) (*core.Adoption, error) { return shared, nil }
	a := made.Of(adopt.NewGorilla(c))
	for range 2 {
		found := made.Of(a.Adopt(ctx, present("old", write(t, "old", alice))))
		must(t, found.Taken(ctx))
		if len(found.Forget) != 2 {
			t.Errorf("Forget = %v", found.Forget)
		}
	}
	if taken != 2 || len(shared.Forget) != 1 || shared.Forget[:2][1] != nil {
		t.Errorf("taken %d times, %v", taken, shared.Forget)
	}
}

func TestGorillaSettings(t *testing.T) {
	find := func(context.Context, string) ([]byte, error) { return nil, nil }
	remove := func(context.Context, string) error { return nil }
	for want, change := range map[string]func(*adopt.Gorilla){
		"Cookie.Secure is false":       func(c *adopt.Gorilla) { c.Cookie.Name = "__Host-old" },
		"Cookie.Name is not set":       func(c *adopt.Gorilla) { c.Cookie.Name = "" },
		"Cookie is not valid":          func(c *adopt.Gorilla) { c.Cookie.Name = "a b" },
		"KeyPairs is not set":          func(c *adopt.Gorilla) { c.KeyPairs = nil },
		"KeyPairs has no key at 0":     func(c *adopt.Gorilla) { c.KeyPairs = [][]byte{nil} },
		"KeyPairs has 3 bytes at 1":    func(c *adopt.Gorilla) { c.KeyPairs[1] = []byte("abc") },
		"MaxAge is -1s":                func(c *adopt.Gorilla) { c.MaxAge = -time.Second },
		"Find and Delete":              func(c *adopt.Gorilla) { c.Find = find },
		"Delete belong together":       func(c *adopt.Gorilla) { c.Delete = remove },
		"Files and Find are both set":  func(c *adopt.Gorilla) { c.Files, c.Find, c.Delete = t.TempDir(), find, remove },
		"Files cannot be used":         func(c *adopt.Gorilla) { c.Files = "/does/not/exist" },
		"is not a folder":              func(c *adopt.Gorilla) { c.Files = "go.mod" },
		"Format is set, and Find":      func(c *adopt.Gorilla) { c.Format = adopt.JSON },
		`Format is "xml"`:              func(c *adopt.Gorilla) { c.Find, c.Delete, c.Format = find, remove, "xml" },
		"Read is not set":              func(c *adopt.Gorilla) { c.Read = nil },
		"TakenIn is not set":           func(c *adopt.Gorilla) { c.TakenIn = nil },
		"TakenIn is a nil *adopt_test": func(c *adopt.Gorilla) { c.TakenIn = (*nilStore)(nil) },
		"MaxSize is -1":                func(c *adopt.Gorilla) { c.MaxSize = -1 },
	} {
		c := settings()
		change(&c)
		a, err := adopt.NewGorilla(c)
		if a != nil || err == nil || !strings.HasPrefix(err.Error(), "adopt: Gorilla.") || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	c := settings()
	c.Find, c.Delete = find, remove
	made.Of(adopt.NewGorilla(c))
}

type nilStore struct{ driver.Store }

// With a wrong key everybody is a visitor, and nothing else would tell.
func TestNobodysCookies(t *testing.T) {
	for genuine, lines := range map[bool]int{false: 1, true: 0} {
		var log bytes.Buffer
		c := settings()
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		a := made.Of(adopt.NewGorilla(c))
		if genuine {
			subject(t, a, present("old", write(t, "old", alice)))
		}
		for range 50 {
			subject(t, a, present("old", write(t, "old", alice, []byte("another key for the MAC, 32 byte"))))
		}
		if n := strings.Count(log.String(), "none was a session"); n != lines {
			t.Errorf("a genuine one before: %t: %d lines, want %d", genuine, n, lines)
		}
	}
}
