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

// blockSize is how many ports a process takes at once. Many test binaries run at the same time, and a port that is free
// when it is looked at may be another one's a moment later. So a process listens on the first port of a block as long
// as it lives, and nobody else uses the others.
const blockSize = 50

var ports struct {
	sync.Mutex
	blocks []net.Listener // the first port of each block that is ours
	next   int            // the port to look at
	left   int            // of the block, that one included
}

// DeadAddr returns an address on which nobody listens. The port is not one that ":0" gives to a listener elsewhere.
func DeadAddr(tb testing.TB) string {
	tb.Helper()
	return fmt.Sprintf("127.0.0.1:%d", freePort(tb))
}

// freePort returns a port of 127.0.0.1 on which nobody listens, and which no other call returns, here or in another
// process.
func freePort(tb testing.TB) int {
	tb.Helper()
	ports.Lock()
	defer ports.Unlock()
	for range 1000 {
		if ports.left == 0 {
			first := firstPort + rand.IntN((lastPort-firstPort)/blockSize)*blockSize
			if ln, err := listen(first); err == nil {
				ports.blocks = append(ports.blocks, ln)
				ports.next, ports.left = first+1, blockSize-1
			}
			continue
		}
		port := ports.next
		ports.next, ports.left = port+1, ports.left-1
		if ln, err := listen(port); err == nil {
			ln.Close()
			return port
		}
	}
	tb.Fatal("startserver: no free port")
	return 0
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
}
