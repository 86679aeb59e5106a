package redisstore

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// babbler starts a server that accepts clients, and then answers every command with the same reply.
func babbler(t *testing.T, reply *atomic.Pointer[string]) (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go babble(c, reply)
		}
	}()
	return ln.Addr().String()
}

func babble(c net.Conn, reply *atomic.Pointer[string]) {
	defer c.Close()
	for r := bufio.NewReader(c); ; {
		words, err := readCommand(r)
		if err != nil {
			return
		}
		answer := *reply.Load()
		switch strings.ToUpper(words[0]) {
		case "HELLO":
			answer = "%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n"
		case "CLIENT":
			answer = "+OK\r\n"
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
}

func readCommand(r *bufio.Reader) ([]string, error) {
	number := func() (int, error) {
		line, err := r.ReadString('\n')
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(line[1:]))
	}
	n, err := number()
	words := make([]string, n)
	for i := range words {
		size, failed := number()
		if failed != nil {
			return nil, failed
		}
		text := make([]byte, size+2)
		if _, failed := io.ReadFull(r, text); failed != nil {
			return nil, failed
		}
		words[i] = string(text[:size])
	}
	if n == 0 && err == nil {
		err = io.ErrUnexpectedEOF
	}
	return words, err
}

// If a reply is of a kind that the command never has, the call is an outage. An empty list is a valid reply to a call
// for a list, and nil is one to GET. The content of a string is not checked here.
func TestRepliesOfTheWrongKind(t *testing.T) {
	var reply atomic.Pointer[string]
	set := func(text string) { reply.Store(&text) }
	set("+OK\r\n")
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{babbler(t, &reply)}, DisableCache: true, DisableAutoPipelining: true, ForceSingleClient: true,
	})
	ok(t, err)
	t.Cleanup(client.Close)
	s, err := New(client, Config{})
	ok(t, err)
	walk := func(seq iter.Seq2[driver.Record, error]) error {
		for _, err := range seq {
			return err
		}
		return nil
	}
	calls := map[string]func(context.Context) error{
		"Load":             func(ctx context.Context) error { _, err := s.Load(ctx, driver.ID{1}); return err },
		"Reload":           func(ctx context.Context) error { _, err := s.Reload(ctx, driver.ID{1}); return err },
		"Create":           func(ctx context.Context) error { return s.Create(ctx, newRecord("", "data")) },
		"Create for alice": func(ctx context.Context) error { return s.Create(ctx, newRecord("alice", "data")) },
		"Update":           func(ctx context.Context) error { return s.Update(ctx, newRecord("alice", "data")) },
		"Touch": func(ctx context.Context) error {
			return s.Touch(ctx, driver.ID{1}, 1, time.Now(), time.Now().Add(time.Hour))
		},
		"Succeed": func(ctx context.Context) error { return s.Succeed(ctx, newRecord("", "old"), newRecord("", "next")) },
		"Succeed for alice": func(ctx context.Context) error {
			return s.Succeed(ctx, newRecord("", "old"), newRecord("alice", "next"))
		},
		"CreateLimited": func(ctx context.Context) error {
			_, err := s.CreateLimited(ctx, newRecord("alice", "data"), driver.Limit{Most: 1})
			return err
		},
		"Delete":    func(ctx context.Context) error { return s.Delete(ctx, driver.ID{1}) },
		"Ping":      func(ctx context.Context) error { return s.Ping(ctx) },
		"All":       func(ctx context.Context) error { return walk(s.All(ctx)) },
		"BySubject": func(ctx context.Context) error { return walk(s.BySubject(ctx, "alice")) },
		"ByLabel":   func(ctx context.Context) error { return walk(s.ByLabel(ctx, "admin")) },
	}
	for _, text := range []string{
		"+OK\r\n", "+PONG\r\n", "+", "+\r\n", ":5\r\n", ":3\r\n", ":-7\r\n", "*0\r\n", "*1\r\n:1\r\n", "*1\r\n*0\r\n", "*1\r\n_\r\n", "$1\r\nx\r\n",
		"$0\r\n\r\n", "$-1\r\n", "_\r\n", "*-1\r\n", ",1.5\r\n", "#t\r\n", "%0\r\n", "~0\r\n", "(12\r\n", "=5\r\ntxt:x\r\n",
		"*2\r\n$1\r\n0\r\n:1\r\n", "*2\r\n$1\r\n0\r\n*1\r\n:1\r\n", "*2\r\n$1\r\nx\r\n*0\r\n", "-WRONG kind\r\n", "+" + strings.Repeat("x", 200) + "\r\n",
	} {
		for name, call := range calls {
			set(text)
			limit := patience
			if text == "+" { // has no end
				limit = 50 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			err := call(ctx)
			cancel()
			own := map[string]bool{ // replies that are valid for the call
				"Load":   strings.ContainsAny(text[:1], "$_") || text == "*-1\r\n",
				"Create": text == "+OK\r\n", "Delete": text[0] == ':', "Ping": text == "+PONG\r\n",
				"BySubject": text == "*0\r\n" || text == "~0\r\n" || text == "*1\r\n$1\r\nx\r\n",
			}
			own["Reload"], own["ByLabel"] = own["Load"], own["BySubject"]
			if !own[name] && (!errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound) || unreadable(err)) {
				t.Errorf("%s, answered by %q: %v", name, text, err)
			}
		}
	}
}

// Open refuses a server that answers, but does not run scripts.
func TestOpenOfABabbler(t *testing.T) {
	for _, text := range []string{"+OK\r\n", ":1\r\n", "*0\r\n", "_\r\n"} {
		var reply atomic.Pointer[string]
		reply.Store(&text)
		s, err := Open(rueidis.ClientOption{InitAddress: []string{babbler(t, &reply)}, ForceSingleClient: true}, Config{})
		if err == nil {
			s.Close()
			t.Errorf("answered by %q, Open succeeds", text)
		}
	}
}
