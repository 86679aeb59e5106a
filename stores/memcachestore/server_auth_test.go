package memcachestore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// withPassword starts a memcached that wants a user and a password.
func withPassword(t *testing.T) (addr string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "auth") // not t.TempDir, which the server's user may not enter
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	file := filepath.Join(dir, "users")
	must(t, os.WriteFile(file, []byte("shop:secret\n"), 0o644))
	return startserver.Memcached(t, "-Y", file).Addr
}

// A server with -Y refuses the client library's commands. The error says so and names the remedy, and the remedy works.
func TestServerWantsPassword(t *testing.T) {
	addr, ctx := withPassword(t), t.Context()
	s := open(t, addr)
	rec := record(1, 10)
	rec.Subject = "alice"
	calls := map[string]func(*Store) error{
		"Ping":   func(s *Store) error { return s.Ping(ctx) },
		"Create": func(s *Store) error { return s.Create(ctx, rec) },
		"Load":   func(s *Store) error { _, err := s.Load(ctx, rec.ID); return err },
		"Update": func(s *Store) error { return s.Update(ctx, rec) },
		"Touch": func(s *Store) error {
			return s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Hour))
		},
		"BySubject": func(s *Store) (last error) {
			for _, last = range s.BySubject(ctx, "alice") {
			}
			return last
		},
		"Delete": func(s *Store) error { return s.Delete(ctx, rec.ID) },
	}
	for range 2 {
		for name, call := range calls {
			err := call(s)
			wants(t, err, driver.ErrUnavailable)
			if !strings.Contains(err.Error(), "memcached -Y") || !strings.Contains(err.Error(), "Config.DialContext") {
				t.Errorf("%s does not say what is wrong: %v", name, err)
			}
		}
	}

	s = openWith(t, []string{addr}, Config{DialContext: dialAs("shop", "secret")})
	for _, name := range []string{"Ping", "Create", "Load", "Update", "Touch", "BySubject", "Delete"} {
		if err := calls[name](s); err != nil {
			t.Errorf("with a password: %s: %v", name, err)
		}
	}
	s = openWith(t, []string{addr}, Config{DialContext: dialAs("shop", "wrong")})
	wants(t, s.Ping(ctx), driver.ErrUnavailable)
}
