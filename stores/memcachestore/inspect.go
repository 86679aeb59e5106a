package memcachestore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/inspect"
)

// Inspect implements driver.Inspector. For each server it has the version, the memory, the number of items that were
// evicted, and the clock, which memcached keeps to about two seconds. It asks over connections of its own, also servers
// that get no calls for now.
func (s *Store) Inspect(ctx context.Context) (found []driver.Finding, err error) {
	var errs []error
	for _, sv := range s.ring.servers {
		sent := time.Now()
		stats, err := sv.stats(ctx)
		if err != nil {
			errs = append(errs, unavailable("inspect "+sv.addr, err))
			continue
		}
		found = append(found, findings(sv.addr+": ", stats, sent, time.Now())...)
	}
	return found, errors.Join(errs...)
}

// findings are those of one server. What a server does not tell is left out.
func findings(server string, stats map[string]string, sent, received time.Time) (found []driver.Finding) {
	number := func(name string) (uint64, bool) {
		n, err := strconv.ParseUint(stats[name], 10, 64)
		return n, err == nil
	}
	if version := stats["version"]; version != "" {
		found = append(found, driver.Finding{Name: server + "version", Value: version})
	}
	if limit, ok := number("limit_maxbytes"); ok {
		used, _ := number("bytes")
		found = append(found, driver.Finding{Name: server + "memory", Value: inspect.Size(used) + " of " + inspect.Size(limit)})
	}
	if n, ok := number("evictions"); ok {
		f := driver.Finding{Name: server + "evictions", Value: strconv.FormatUint(n, 10)}
		if n > 0 {
			f.Warning = "memcached has thrown out so many live items for lack of memory, sessions perhaps among them: give it more (-m)"
		}
		found = append(found, f)
	}
	if at, ok := number("time"); ok {
		found = append(found, inspect.Clock(server+"clock", time.Unix(int64(at), 0), clockResolution, sent, received))
	}
	return found
}

// clockResolution is by how much memcached's time may be off. It moves once a second, and is the sum of two times in
// whole seconds.
const clockResolution = 2 * time.Second

// stats asks a server for its statistics, which the client library cannot. It bypasses the pool: the connection is
// closed afterwards.
func (sv *server) stats(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, sv.pool.config.Timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := sv.pool.config.DialContext(ctx, sv.network, sv.addr)
	if err != nil {
		return nil, withContext(ctx, err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(longAgo) })()
	stats, err := readStats(c)
	return stats, withContext(ctx, err)
}

// withContext adds the context's error to an error that it has caused.
func withContext(ctx context.Context, err error) error {
	if cause := contextErr(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w (%w)", cause, err)
	}
	return err
}

// maxStats bounds the lines of an answer. memcached sends about 90.
const maxStats = 1000

func readStats(c net.Conn) (map[string]string, error) {
	if _, err := c.Write([]byte("stats\r\n")); err != nil {
		return nil, err
	}
	stats := map[string]string{}
	lines := bufio.NewScanner(c)
	for range maxStats {
		if !lines.Scan() {
			break
		}
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 3 && words[0] == "STAT":
			stats[words[1]] = words[2]
		case len(words) == 1 && words[0] == "END":
			return stats, nil
		case len(words) > 0 && words[0] != "STAT":
			return nil, fmt.Errorf("the server answers stats with %.60q", lines.Text())
		}
	}
	return nil, errors.Join(errors.New("the server's answer to stats has no end"), lines.Err())
}
