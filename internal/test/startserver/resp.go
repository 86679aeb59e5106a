package startserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// RedisCommand sends one command to a Redis and returns the reply as text. Each element of a list is a line, and nil is
// "". An error reply is an error.
func RedisCommand(addr string, args ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	var reply string
	err := ask(addr, b.String(), func(r *bufio.Reader) (err error) {
		reply, err = redisReply(r)
		return err
	})
	return reply, err
}

func redisReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, rest := line[0], strings.TrimSpace(line[1:])
	switch kind {
	case '+', ':':
		return rest, nil
	case '-':
		return "", errors.New(rest)
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n < 0 {
		return "", err
	}
	switch kind {
	case '$':
		text := make([]byte, n+2)
		_, err := io.ReadFull(r, text)
		return string(text[:n]), err
	case '*':
		lines := make([]string, n)
		for i := range lines {
			if lines[i], err = redisReply(r); err != nil {
				return "", err
			}
		}
		return strings.Join(lines, "\n"), nil
	}
	return "", fmt.Errorf("reply %q", line)
}
