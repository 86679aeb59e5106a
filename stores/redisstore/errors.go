package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var (
	errNotFound = fmt.Errorf("redisstore: %w", driver.ErrNotFound)
	errExists   = fmt.Errorf("redisstore: %w", driver.ErrExists)
	errConflict = fmt.Errorf("redisstore: %w", driver.ErrConflict)
	errLimit    = fmt.Errorf("redisstore: %w", driver.ErrLimit)
	errTooLarge = fmt.Errorf("redisstore: more than %d labels, a subject or label over %d bytes, or data over %d bytes: %w",
		driver.MaxLabels, driver.MaxSubject, MaxData, driver.ErrTooLarge)
	errCorrupt = driver.Corrupt("redisstore: the key does not hold the record that it should")
	errNewer   = driver.Unreadable("redisstore: a record of a newer format")
)

// unreadable reports whether err is about a key that only Delete changes. A walk skips such keys.
func unreadable(err error) bool {
	return errors.Is(err, driver.ErrCorrupt) || errors.Is(err, driver.ErrUnreadable)
}

func (s *Store) unavailable(ctx context.Context, op string, err error) error {
	return unavailable(ctx, s.prefix, op, err)
}

// unavailable returns an ErrUnavailable with advice. If the context has ended, errors.Is finds the context's error in
// it, even if the client has reported something else.
func unavailable(ctx context.Context, prefix, op string, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w (%w)", ended, err)
	}
	if todo := advice(err, prefix); todo != "" {
		op += " (" + todo + ")"
	}
	return driver.Unavailable(op, err)
}

// advice returns what an administrator can do about an error reply, or "".
func advice(err error, prefix string) string {
	text := err.Error()
	word := ""
	if _, ok := rueidis.IsRedisErr(err); ok {
		word, _, _ = strings.Cut(text, " ")
	}
	// For an error in a script, Redis 7 has its own words. For an error while connecting, the client returns no
	// RedisError.
	if strings.Contains(text, "user executing the script can't") || strings.HasPrefix(text, "NOPERM ") {
		word = "NOPERM"
	}
	switch word {
	case "OOM":
		return "Redis is full: raise maxmemory"
	case "NOAUTH", "WRONGPASS", "NOPERM":
		return "check the client's Username and Password, and the user's ACL: " + acl(prefix)
	case "READONLY":
		return "the client talks to a replica: give it the addresses of the master, of Sentinel or of the Cluster"
	case "MISCONF":
		return "Redis cannot write its snapshot: see its log"
	}
	return ""
}
