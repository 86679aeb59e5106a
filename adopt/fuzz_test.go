package adopt_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
)

// FuzzCookie: no text is a session that the key has not signed, and none is an error.
func FuzzCookie(f *testing.F) {
	genuine := write(f, "old", alice)
	f.Add(genuine)
	f.Add(genuine[:len(genuine)-1])
	f.Add("MTc2NDU4|AA==|")
	a := made.Of(adopt.NewGorilla(settings()))
	other := settings()
	other.KeyPairs = [][]byte{blockKey, nil}
	b := made.Of(adopt.NewGorilla(other))
	f.Fuzz(func(t *testing.T, text string) {
		if subject(t, b, present("old", text)) != "" {
			t.Error("another key's cookie was taken")
		}
		if user := subject(t, a, present("old", text)); user != "" && user != "alice" {
			t.Errorf("a forged cookie was taken, of %q", user)
		}
	})
}

// FuzzRecord: bytes in the old store are a session or an error. They do not crash the server.
func FuzzRecord(f *testing.F) {
	f.Add(gobOf(f, alice))
	f.Add(recordOf(f, time.Now().Add(time.Hour), map[string]any{"user": "alice"}))
	f.Add([]byte(`{"user":"alice"}`))
	f.Add([]byte(write(f, "old", alice)))
	r := &records{data: map[string][]byte{}}
	all := []*adopt.Adopter{made.Of(adopt.NewSCS(adopt.SCS{Cookie: settings().Cookie, Store: r, TakenIn: newStore(nil), Read: readUser("user")}))}
	for _, format := range []adopt.Format{adopt.Gob, adopt.JSON, adopt.Signed} {
		c := settings()
		c.Format = format
		c.Find = func(context.Context, string) ([]byte, error) { return r.data[token], nil }
		c.Delete = func(context.Context, string) error { return nil }
		all = append(all, made.Of(adopt.NewGorilla(c)))
	}
	cookies := present("old", token, write(f, "old", token))
	f.Fuzz(func(t *testing.T, data []byte) {
		r.data[token] = data
		for _, a := range all {
			if found, err := a.Adopt(ctx, cookies); found != nil && err != nil {
				t.Error("a session and an error")
			}
		}
	})
}

// FuzzID: an ID that the key has signed names no file but one of the folder's sessions.
func FuzzID(f *testing.F) {
	dir := f.TempDir()
	read := ""
	c := settings()
	c.Files = dir
	c.Read = func(_ context.Context, values map[any]any) (*core.Adoption, error) {
		read, _ = values["file"].(string)
		return nil, nil
	}
	a := made.Of(adopt.NewGorilla(c))
	must(f, os.Mkdir(filepath.Join(dir, "session_"), 0o700))
	for _, name := range []string{"session_A", "other", "session_/A", "session_A.bak"} {
		must(f, os.WriteFile(filepath.Join(dir, name), []byte(write(f, "old", map[any]any{"file": name})), 0o600))
	}
	for _, id := range []string{"A", "/A", "A.bak", "/../other", "../other", "\x00"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		read = ""
		_, err := a.Adopt(ctx, present("old", write(t, "old", id)))
		must(t, err)
		if read != "" && (read != "session_A" || id != "A") {
			t.Errorf("%q has read %s", id, read)
		}
	})
}
