package startserver

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Ports below the range from which kernels take the local ports of outgoing
// connections. In that range, a client that dials a dead server can be given the
// server's own port and so connect to itself, and a restarted server may find its port taken.
const firstPort, lastPort = 12000, 32000

var ports struct {
	sync.Mutex
	given map[int]bool
}

// freePort returns a port of 127.0.0.1 that nobody listens on and that this
// process has not been given before.
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
