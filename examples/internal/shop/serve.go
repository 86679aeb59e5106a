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

// Main is the main function of each example. It reads the flags, opens the store, calls run and reports its error.
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

// Serve listens on addr, prints the URL, and serves until SIGINT or SIGTERM. Then it gives running requests a moment to
// end.
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
		return nil // connections may be left, such as those that browsers open in advance; they end with the program
	}
	return err
}

// Status returns the HTTP status for err: 501 if the store cannot do it.
func Status(err error) int {
	if errors.Is(err, errors.ErrUnsupported) {
		return http.StatusNotImplemented
	}
	return core.HTTPStatus(err)
}
