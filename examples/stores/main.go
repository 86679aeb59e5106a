// Command stores is the demo shop on Gin. It runs on every store, and takes its settings from the environment.
//
//	COATCHECK_STORE=redis://localhost:6379/0 go run ./examples/stores
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
	_ "github.com/coatcheck-go/coatcheck/stores/cachedstore"
	_ "github.com/coatcheck-go/coatcheck/stores/cookiestore"
	_ "github.com/coatcheck-go/coatcheck/stores/crossingstore"
	_ "github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
	_ "github.com/coatcheck-go/coatcheck/stores/memcachestore"
	_ "github.com/coatcheck-go/coatcheck/stores/memstore"
	_ "github.com/coatcheck-go/coatcheck/stores/redisstore"
)

// The imports above make their stores known to COATCHECK_STORE. Those in a database also need a GORM driver. A real
// application has those of one store or two.
func init() {
	gormstore.Register(postgres.Open)
	gormstore.Register(mysql.Open)
	gormstore.Register(sqlite.Open)
}

func main() {
	addr := shop.AddrFlag()
	flag.Parse()
	if err := run(*addr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(addr string) (err error) {
	cfg, err := core.ConfigFromEnv(context.Background())
	if err != nil {
		return err
	}
	stats := sessionadmin.NewStats() // for /admin
	metrics, metricsPage, err := newMetrics()
	if err != nil {
		return errors.Join(err, driver.Close(cfg.Store))
	}
	cfg.LoginURL, cfg.Devices, cfg.Observer = "/sign-in", &shop.Devices, core.Observers(stats.Observe, metrics.Observe)
	m, err := core.New(cfg)
	if err != nil {
		return errors.Join(err, driver.Close(cfg.Store))
	}
	defer func() { err = errors.Join(err, m.Close()) }() // this closes the store, too
	admin, err := shop.Admin(m, stats)
	if err != nil {
		return err
	}
	if _, err := metrics.Watch(m); err != nil {
		return err
	}
	fmt.Print(m.Settings())
	mux := http.NewServeMux()
	mux.Handle("/", http.NewCrossOriginProtection().Handler(routes(m, admin)))
	mux.Handle("/readyz", httpsession.Ready(m))
	mux.Handle("/metrics", metricsPage) // in production on a port of its own: it is not for everybody
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return shop.Serve(addr, server.Serve, server.Shutdown)
}
