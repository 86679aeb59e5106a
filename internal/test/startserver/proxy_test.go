package startserver

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// echo is a server that sends each line back in upper case.
func echo(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				lines := bufio.NewScanner(c)
				for lines.Scan() {
					if _, err := io.WriteString(c, strings.ToUpper(lines.Text())+"\n"); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// client is a client with one connection.
type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, p *Proxy) *client {
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return &client{c, bufio.NewReader(c)}
}

func (c *client) send(line string) (string, error) {
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	return c.r.ReadString('\n')
}

func (c *client) expect(t *testing.T, line string) {
	t.Helper()
	if got, err := c.send(line); err != nil || got != strings.ToUpper(line)+"\n" {
		t.Fatalf("sent %q, got %q, %v", line, got, err)
	}
}

func TestProxyCounts(t *testing.T) {
	p := NewProxy(t, echo(t))
	c := dial(t, p)
	for range 3 {
		c.expect(t, "hello")
	}
	want := Stats{Connections: 1, Open: 1, Sent: 18, Received: 18, RoundTrips: 3}
	if got := p.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	p.ResetStats()
	if _, err := io.WriteString(c, "one\ntwo\n"); err != nil { // before any reply
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Stats().RoundTrips; got != 1 {
		t.Errorf("two commands in one piece: %d round trips", got)
	}
}

func TestProxyLatencyAndSlice(t *testing.T) {
	p := NewProxy(t, echo(t))
	c := dial(t, p)
	c.expect(t, "warm")
	p.Latency(50 * time.Millisecond)
	p.Slice()
	start := time.Now()
	c.expect(t, "slow")
	if took := time.Since(start); took < 50*time.Millisecond {
		t.Errorf("took %v", took)
	}
	p.Heal()
	start = time.Now()
	c.expect(t, "quick")
	if took := time.Since(start); took > 40*time.Millisecond {
		t.Errorf("healed, took %v", took)
	}
}

func TestProxyHangDeliversLate(t *testing.T) {
	p := NewProxy(t, echo(t))
	c := dial(t, p)
	p.Hang()
	got := make(chan string, 1)
	go func() {
		line, _ := c.send("late")
		got <- line
	}()
	select {
	case line := <-got:
		t.Fatalf("got %q", line)
	case <-time.After(50 * time.Millisecond):
	}
	p.Heal()
	if line := <-got; line != "LATE\n" {
		t.Fatalf("got %q", line)
	}
}

func TestProxyCuts(t *testing.T) {
	p := NewProxy(t, echo(t))
	for n := range 6 { // a reply has six bytes
		c, other := dial(t, p), dial(t, p)
		c.expect(t, "warm")
		p.CutAfter(n)
		line, err := c.send("hello")
		if err == nil || line != "HELLO\n"[:n] {
			t.Errorf("cut after %d: got %q, %v", n, line, err)
		}
		other.expect(t, "once is enough")
	}
	p.CutEach(6)
	for range 2 {
		c := dial(t, p)
		c.expect(t, "hello")
		if line, err := c.send("again"); err == nil {
			t.Errorf("got %q", line)
		}
	}
	p.Heal()
	dial(t, p).expect(t, "healed, whatever the length of the line")
}

func TestProxyResetDownUp(t *testing.T) {
	p := NewProxy(t, echo(t))
	c := dial(t, p)
	c.expect(t, "hello")
	p.Reset()
	if _, err := c.send("hello"); err == nil {
		t.Error("the connection survived Reset")
	}
	dial(t, p).expect(t, "new ones are welcome")
	p.Down()
	if _, err := net.Dial("tcp", p.Addr); err == nil {
		t.Error("connected while down")
	}
	p.Up(t)
	dial(t, p).expect(t, "back")
	p.Target("127.0.0.1:1")
	if c, err := net.Dial("tcp", p.Addr); err == nil { // the reset may reach Dial itself
		defer c.Close()
		if got, err := bufio.NewReader(c).ReadString('\n'); err == nil {
			t.Errorf("a dead server answered %q", got)
		}
	}
}
