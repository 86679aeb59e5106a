package shop

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Main is the frame of each example: it reads the flags, opens the store and reports what went
// wrong with run.
func Main(run func(addr string, store driver.Backend) error) {
	addr := flag.String("addr", "127.0.0.1:8080", "host:port to listen on; port 0 takes a free one")
	name := flag.String("store", "file:"+defaultDir, "where sessions are kept: file:FOLDER, memory: or cookie:")
	flag.Parse()
	store, err := OpenStore(*name)
	if err == nil {
		err = run(*addr, store)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

const grace = 3 * time.Second

// Serve listens on addr, prints the URL, and serves until SIGINT or SIGTERM. Then
// requests that are under way have a moment to end.
func Serve(addr string, serve func(net.Listener) error, shutdown func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is taken by another program: choose another port with -addr", addr)
	}
	if err != nil {
		return err
	}
	fmt.Printf("The shop is open: http://%s\n", l.Addr())

	ended := make(chan error, 1)
	go func() { ended <- serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	stop() // a second Ctrl-C ends the program at once
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err = shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // the end of the program ends what is left: connections that browsers open on spec, too
	}
	return err
}

// Status is the HTTP status that answers err: 501 for what the store cannot do.
func Status(err error) int {
	if errors.Is(err, errors.ErrUnsupported) {
		return http.StatusNotImplemented
	}
	return core.HTTPStatus(err)
}
