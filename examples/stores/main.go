// Command stores is the demo shop on Gin. It runs on every store.
//
//	go run ./examples/stores -store postgres://shop:secret@localhost/shop -cache redis://localhost:6379/1
//
// Read next: store.go, which chooses the store; then the file of the store that you need.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
)

func main() {
	var f shop.Flags
	shop.AddrFlags(&f.Addr, &f.Cookie)
	store := flag.String("store", "memory", "where sessions are kept:\n"+storeForms)
	cache := flag.String("cache", "", "what stands in front of the store, to read from (default: nothing):\n"+cacheForms)
	flag.Parse()
	if err := run(f, *store, *cache); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(f shop.Flags, storeName, cacheName string) (err error) {
	store, err := open(storeName, cacheName)
	if err != nil {
		return err
	}
	m, err := core.New(core.Config{Store: store, Cookie: f.Cookie, LoginURL: "/sign-in", Devices: &shop.Devices})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }() // this closes the store, too
	handler := http.NewCrossOriginProtection().Handler(routes(m))
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	return shop.Serve(f.Addr, server.Serve, server.Shutdown)
}
