package shop

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Flags are what the command line says.
type Flags struct {
	Addr   string
	Store  driver.Backend
	Cookie core.Cookie
}

// Main is the main function of each example. It reads the flags, opens the store, calls run and reports its error.
func Main(run func(Flags) error) {
	var f Flags
	addr := AddrFlag()
	flag.BoolVar(&f.Cookie.Insecure, "insecure", false, "send the cookie over plain http, too: for another machine on a network that you trust")
	url := flag.String("store", "file:"+defaultDir, "where sessions are kept: file:FOLDER, memory: or cookie:")
	flag.Parse()
	f.Addr = *addr
	var err error
	if f.Store, err = OpenStore(*url); err == nil {
		err = run(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// AddrFlag defines the flag -addr.
func AddrFlag() *string {
	return flag.String("addr", "127.0.0.1:8080", "host:port to listen on; port 0 takes a free one; host 0.0.0.0 takes all, for a phone on the LAN")
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
	for _, host := range hosts(l.Addr()) {
		fmt.Printf("The shop is open: http://%s\n", host)
	}

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

// hosts are the addresses under which a listener can be reached.
func hosts(addr net.Addr) []string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return []string{addr.String()}
	}
	port := strconv.Itoa(tcp.Port)
	list := []string{net.JoinHostPort("localhost", port)}
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsPrivate() && n.IP.To4() != nil {
			list = append(list, net.JoinHostPort(n.IP.String(), port))
		}
	}
	return list
}
