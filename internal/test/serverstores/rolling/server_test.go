package rolling

import (
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/redis/rueidis"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
	"github.com/coatcheck-go/coatcheck/stores/memcachestore"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

const (
	count core.Key[int] = "count"

	// patience is for a busy machine: nothing here is about time.
	patience = 30 * time.Second
)

// A server is this test program again, of this release or of the next one, told by its environment what to do.
const (
	storeVariable   = "TESTS_ROLLING_STORE"
	addressVariable = "TESTS_ROLLING_ADDRESS" // where the storage is, and after a blank its cache; the key of the cookie store
	keysVariable    = "TESTS_ROLLING_KEYS"    // core's Config.Keys, if any
)

func TestMain(m *testing.M) {
	if store := os.Getenv(storeVariable); store != "" {
		log.Fatal(serve(store, os.Getenv(addressVariable)))
	}
	os.Exit(startserver.Main(m))
}

func open(store, address string) (driver.Backend, error) {
	switch store {
	case "filestore":
		return filestore.New(address, filestore.Config{})
	case "redisstore":
		return redisstore.Open(rueidis.ClientOption{InitAddress: []string{address}}, redisstore.Config{})
	case "memcachestore":
		return memcachestore.New([]string{address}, memcachestore.Config{Timeout: patience})
	case "cachedstore on memcachestore", "cachedstore on gormstore":
		_, inside, _ := strings.Cut(store, " on ")
		address, cached, _ := strings.Cut(address, " ")
		cache, err := open(inside, cached)
		if err != nil {
			return nil, err
		}
		truth, err := open("filestore", address)
		if err != nil {
			return nil, err
		}
		return cachedstore.New(cache.(driver.Store), truth.(driver.Store), cachedstore.Config{Timeout: patience})
	case "gormstore":
		db, err := gorm.Open(sqlite.Open(address), &gorm.Config{Logger: logger.Discard})
		if err != nil {
			return nil, err
		}
		if err := gormstore.Migrate(db, gormstore.Config{}); err != nil {
			return nil, err
		}
		return gormstore.New(db, gormstore.Config{})
	case "cookiestore":
		keys, err := keyring.Parse(address)
		if err != nil {
			return nil, err
		}
		return cookiestore.New(keys, cookiestore.NoRevocation(), cookiestore.Config{})
	}
	return nil, fmt.Errorf("no store %q", store)
}

// serve prints where it listens. It ends with the test's process, which holds the other end of its input.
func serve(store, address string) error {
	backend, err := open(store, address)
	if err != nil {
		return err
	}
	config := core.Config{Store: backend, StoreTimeout: patience, Logger: slog.New(slog.DiscardHandler)}
	if text := os.Getenv(keysVariable); text != "" {
		if config.Keys, err = keyring.Parse(text); err != nil {
			return err
		}
	}
	m, err := core.New(config)
	if err != nil {
		return err
	}
	page := func(change func(*core.Session, *http.Request)) http.Handler {
		return httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			change(s, r)
			fmt.Fprintf(w, "%q %d", s.Subject(), count.GetOr(s, -1))
		})
	}
	mux := http.NewServeMux()
	mux.Handle("/login", page(func(s *core.Session, r *http.Request) {
		_ = s.Login(r.FormValue("user"))
		_ = count.Set(s, 0)
	}))
	mux.Handle("/add", page(func(s *core.Session, _ *http.Request) {
		_ = count.Update(s, func(n int) int { return n + 1 })
	}))
	mux.Handle("/read", page(func(*core.Session, *http.Request) {}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	return http.Serve(l, httpsession.New(m)(mux))
}
