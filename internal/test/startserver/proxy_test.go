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

// talker is a client with one connection.
type talker struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, p *Proxy) *talker {
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return &talker{c, bufio.NewReader(c)}
}

func (c *talker) say(line string) (string, error) {
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	return c.r.ReadString('\n')
}

func (c *talker) expect(t *testing.T, line string) {
	t.Helper()
	if got, err := c.say(line); err != nil || got != strings.ToUpper(line)+"\n" {
		t.Fatalf("said %q, heard %q, %v", line, got, err)
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
	heard := make(chan string, 1)
	go func() {
		line, _ := c.say("late")
		heard <- line
	}()
	select {
	case line := <-heard:
		t.Fatalf("heard %q", line)
	case <-time.After(50 * time.Millisecond):
	}
	p.Heal()
	if line := <-heard; line != "LATE\n" {
		t.Fatalf("heard %q", line)
	}
}

func TestProxyCuts(t *testing.T) {
	p := NewProxy(t, echo(t))
	for n := range 6 { // a reply has six bytes
		c, other := dial(t, p), dial(t, p)
		c.expect(t, "warm")
		p.CutAfter(n)
		line, err := c.say("hello")
		if err == nil || line != "HELLO\n"[:n] {
			t.Errorf("cut after %d: heard %q, %v", n, line, err)
		}
		other.expect(t, "once is enough")
	}
	p.CutEach(6)
	for range 2 {
		c := dial(t, p)
		c.expect(t, "hello")
		if line, err := c.say("again"); err == nil {
			t.Errorf("heard %q", line)
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
	if _, err := c.say("hello"); err == nil {
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
		if heard, err := bufio.NewReader(c).ReadString('\n'); err == nil {
			t.Errorf("a dead server said %q", heard)
		}
	}
}
