package startserver

import (
	"net"
	"strconv"
	"sync"
	"time"
)

// link is one connection of a client and its counterpart at the server.
type link struct {
	p              *Proxy
	client, server net.Conn
	closed         chan struct{}
	once           sync.Once

	// Under p.mu.
	passed     int  // bytes of replies since CutEach
	serverLast bool // the last bytes were the server's
	used       bool // there were any bytes
}

func itoa(n int) string { return strconv.Itoa(n) }

func (p *Proxy) accept(ln net.Listener) {
	defer p.done.Done()
	for {
		client, err := ln.Accept()
		if err != nil {
			return // Down
		}
		p.done.Add(1)
		go p.serve(client)
	}
}

// serve dials the server and connects the client to it. If the server refuses, it resets the client's connection.
func (p *Proxy) serve(client net.Conn) {
	defer p.done.Done()
	p.mu.Lock()
	target := p.target
	p.stats.Connections++
	p.mu.Unlock()
	server, err := net.DialTimeout("tcp", target, 5*time.Second)
	l := &link{p: p, client: client, server: server, closed: make(chan struct{})}
	if err != nil {
		l.reset()
		return
	}
	p.mu.Lock()
	down := p.ln == nil
	p.links[l] = true
	p.mu.Unlock()
	if down { // Down was called after the connection was accepted
		l.reset()
	}
	ends := make(chan struct{})
	go func() {
		l.pump(server, client, false)
		close(ends)
	}()
	l.pump(client, server, true)
	<-ends
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// pump carries bytes from one side to the other until either is gone.
func (l *link) pump(to, from net.Conn, reply bool) {
	defer l.close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !l.carry(to, buf[:n], reply) {
			return
		}
		if err != nil {
			return
		}
	}
}

// carry delivers one piece under the present faults. It returns false if the connection has to end.
func (l *link) carry(to net.Conn, piece []byte, reply bool) bool {
	f, ok := l.wait()
	if !ok {
		return false
	}
	if !reply {
		l.count(len(piece), reply)
		_, err := to.Write(piece)
		return err == nil
	}
	if f.latency > 0 {
		select {
		case <-time.After(f.latency):
		case <-l.closed:
			return false
		}
	}
	allowed, cut := l.allow(len(piece))
	size := max(allowed, 1)
	if f.slice {
		size = 1
	}
	for piece = piece[:allowed]; len(piece) > 0; {
		n := min(size, len(piece))
		l.count(n, reply)
		if _, err := to.Write(piece[:n]); err != nil {
			return false
		}
		piece = piece[n:]
	}
	return !cut
}

// wait returns the faults, once nothing hangs.
func (l *link) wait() (faults, bool) {
	for {
		l.p.mu.Lock()
		f, changed := l.p.faults, l.p.changed
		l.p.mu.Unlock()
		if !f.hang {
			return f, true
		}
		select {
		case <-changed:
		case <-l.closed:
			return f, false
		}
	}
}

// allow returns how many of n bytes of a reply may pass before a cut, and whether the connection is cut after them. A
// cut after all n bytes comes with the next ones.
func (l *link) allow(n int) (allowed int, cut bool) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	f := &l.p.faults
	allowed = n
	if f.cutEach != nil && l.passed+n > *f.cutEach {
		allowed, cut = max(*f.cutEach-l.passed, 0), true
	}
	if f.cut != nil {
		if *f.cut < allowed {
			allowed, cut = *f.cut, true
		}
		if *f.cut -= allowed; cut {
			f.cut = nil
		}
	}
	l.passed += allowed
	return allowed, cut
}

// count counts bytes before they are delivered, so that a client which has an answer finds it counted.
func (l *link) count(n int, reply bool) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	s := &l.p.stats
	if reply {
		s.Received += n
	} else {
		s.Sent += n
		if l.serverLast || !l.used {
			s.RoundTrips++
		}
	}
	l.serverLast, l.used = reply, true
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.closed)
		l.client.Close()
		if l.server != nil {
			l.server.Close()
		}
	})
}

// reset closes the connection, with a TCP reset to the client.
func (l *link) reset() {
	if c, ok := l.client.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	l.close()
}
