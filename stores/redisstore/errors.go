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
	errTooLarge = fmt.Errorf("redisstore: subject over %d bytes or data over %d: %w", driver.MaxSubject, MaxData, driver.ErrTooLarge)
	errCorrupt  = driver.Corrupt("redisstore: a key holds something else than the record it should")
	errNewer    = driver.Unreadable("redisstore: a record of a newer format")
)

// stays reports that there is something which only Delete touches, and which hides no other record from
// a walk.
func stays(err error) bool {
	return errors.Is(err, driver.ErrCorrupt) || errors.Is(err, driver.ErrUnreadable)
}

func (s *Store) unavailable(ctx context.Context, what string, err error) error {
	return unavailable(ctx, s.prefix, what, err)
}

// unavailable says what went wrong, and so that errors.Is finds the error of a
// context that has ended, whatever the client made of that.
func unavailable(ctx context.Context, prefix, what string, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w (%w)", ended, err)
	}
	if todo := advice(err, prefix); todo != "" {
		what += " (" + todo + ")"
	}
	return driver.Unavailable(what, err)
}

// advice says what an administrator can do about an error reply.
func advice(err error, prefix string) string {
	text := err.Error()
	word := ""
	if _, ok := rueidis.IsRedisErr(err); ok {
		word, _, _ = strings.Cut(text, " ")
	}
	// In a script, Redis 7 says it in its own way, and the client hides what was refused as it connected.
	if strings.Contains(text, "user executing the script can't") || strings.HasPrefix(text, "NOPERM ") {
		word = "NOPERM"
	}
	switch word {
	case "OOM":
		return "Redis is full: raise maxmemory"
	case "NOAUTH", "WRONGPASS", "NOPERM":
		return "check the client's Username and Password, and the user's ACL: " + acl(prefix)
	case "READONLY":
		return "the client talks to a replica: give it the master, Sentinel or the Cluster"
	case "MISCONF":
		return "Redis cannot write its snapshot: see its log"
	}
	return ""
}
