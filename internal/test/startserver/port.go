package startserver

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// The ports lie below the range from which kernels take local ports of outgoing connections. Inside that range, a
// client that dials a dead server may get the server's port as its own and connect to itself, and a restarted server
// may find its port taken.
const firstPort, lastPort = 12000, 32000

var ports struct {
	sync.Mutex
	given map[int]bool
}

// DeadAddr returns an address on which nobody listens. The port is not one that ":0" gives to a listener elsewhere.
func DeadAddr(tb testing.TB) string {
	tb.Helper()
	return fmt.Sprintf("127.0.0.1:%d", freePort(tb))
}

// freePort returns a port of 127.0.0.1 on which nobody listens, and which it has not returned before in this process.
func freePort(tb testing.TB) int {
	tb.Helper()
	ports.Lock()
	defer ports.Unlock()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if ports.given[port] {
			continue
		}
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		ln.Close()
		if ports.given == nil {
			ports.given = map[int]bool{}
		}
		ports.given[port] = true
		return port
	}
	tb.Fatal("startserver: no free port")
	return 0
}
