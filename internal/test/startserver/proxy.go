package startserver

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy that fails as networks do. A fault lasts until Heal, for open connections and for new ones. All
// methods may be called concurrently.
type Proxy struct {
	// Addr is the address for clients. It stays the same over Down and Up.
	Addr string

	mu      sync.Mutex
	target  string
	ln      net.Listener // nil while down
	links   map[*link]bool
	faults  faults
	changed chan struct{} // closed when faults changes
	stats   Stats
	done    sync.WaitGroup
}

// Stats are counts since NewProxy or ResetStats.
type Stats struct {
	// Connections is how many connections clients have opened.
	Connections int

	// Open is how many of them are open now.
	Open int

	// Sent is the bytes from clients, Received the bytes that reached them.
	Sent, Received int

	// RoundTrips counts a client's bytes that follow bytes of the server, or that are the first. So commands that are
	// sent without waiting for each other's replies count as one.
	RoundTrips int
}

// faults are the faults at present.
type faults struct {
	latency time.Duration
	hang    bool
	slice   bool
	cut     *int // bytes of replies until one connection is cut; counted over all connections
	cutEach *int // the same, counted for each connection
}

// NewProxy starts a proxy to the server at target, host:port. The proxy ends with the test.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	p := &Proxy{target: target, links: map[*link]bool{}, changed: make(chan struct{})}
	// The kernel does not choose the port: it could give it to another socket while the proxy is down.
	p.Addr = net.JoinHostPort("127.0.0.1", itoa(freePort(tb)))
	p.Up(tb)
	tb.Cleanup(func() {
		p.Down()
		p.Heal()
		p.done.Wait()
	})
	return p
}

// Latency delays every piece of a reply by d.
func (p *Proxy) Latency(d time.Duration) { p.set(func(f *faults) { f.latency = d }) }

// Hang holds all bytes back, in both directions. After Heal they arrive, late.
func (p *Proxy) Hang() { p.set(func(f *faults) { f.hang = true }) }

// Slice delivers replies one byte at a time.
func (p *Proxy) Slice() { p.set(func(f *faults) { f.slice = true }) }

// CutAfter lets n more bytes of replies through. Then it cuts the connection that would carry the next one. It cuts
// once; all other connections go on.
func (p *Proxy) CutAfter(n int) { p.set(func(f *faults) { f.cut = &n }) }

// CutEach cuts every connection after n more bytes of its replies.
func (p *Proxy) CutEach(n int) {
	p.set(func(f *faults) {
		f.cutEach = &n
		for l := range p.links {
			l.passed = 0
		}
	})
}

// Heal ends Latency, Hang, Slice, CutAfter and CutEach.
func (p *Proxy) Heal() { p.set(func(f *faults) { *f = faults{} }) }

// Reset breaks all open connections with a TCP reset. New ones are accepted.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.reset()
	}
}

// Down refuses new connections and resets the open ones.
func (p *Proxy) Down() {
	p.mu.Lock()
	if p.ln != nil {
		p.ln.Close()
		p.ln = nil
	}
	p.mu.Unlock()
	p.Reset()
}

// Up ends Down.
func (p *Proxy) Up(tb testing.TB) {
	tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln != nil {
		return
	}
	ln, err := net.Listen("tcp", p.Addr)
	if err != nil {
		tb.Fatal(err)
	}
	p.ln = ln
	p.done.Add(1)
	go p.accept(ln)
}

// Target sends new connections to another server.
func (p *Proxy) Target(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = addr
}

// Stats returns the counts.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Open = len(p.links)
	return s
}

// ResetStats sets the counts to 0. Connections that are open still count as open.
func (p *Proxy) ResetStats() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats = Stats{}
}

// set changes the faults and wakes all that wait for a change.
func (p *Proxy) set(change func(*faults)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.faults)
	close(p.changed)
	p.changed = make(chan struct{})
}
