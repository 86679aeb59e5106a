package scale

import (
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"
	scsmem "github.com/alexedwards/scs/v2/memstore"
	"github.com/gofiber/fiber/v2/middleware/session"
)

// scsMemory is scs's store, whose own goroutine removes what has expired.
func scsMemory(n int, _ string) (map[string]float64, error) {
	every := 3*time.Second + time.Duration(n)*20*time.Microsecond // long enough to fill it on a busy machine
	before := liveHeap()
	begun := time.Now()
	s := scsmem.NewWithCleanupInterval(every)
	defer s.StopCleanup()
	var store scs.Store = s
	return cleaned{
		cleanup: begun.Add(every),
		set:     func(i int) error { return store.Commit(token(i), make([]byte, payload), expires(i)) },
		get: func(key string) error {
			_, found, err := store.Find(key)
			return missing(found, err)
		},
	}.measure(n, before)
}

// fiberMemory is the store that Fiber v2's session uses unless it gets another one. It removes every ten
// seconds what has expired, counted in whole seconds.
func fiberMemory(n int, _ string) (map[string]float64, error) {
	const every = 10 * time.Second
	before := liveHeap()
	begun := time.Now()
	s := session.New().Storage
	defer s.Close()
	ends := begun.Add(every + 2*time.Second) // after the first cleanup, before the second
	return cleaned{
		cleanup: begun.Add(2 * every),
		set: func(i int) error {
			if i%2 == 0 {
				return s.Set(token(i), make([]byte, payload), time.Until(ends))
			}
			return s.Set(token(i), make([]byte, payload), time.Hour)
		},
		get: func(key string) error {
			data, err := s.Get(key)
			return missing(data != nil, err)
		},
	}.measure(n, before)
}

// cleaned is a store that chooses itself when it removes what has expired.
type cleaned struct {
	cleanup time.Time
	set     func(i int) error
	get     func(key string) error
}

func missing(found bool, err error) error {
	if err == nil && !found {
		err = errors.New("a session is missing that has not expired")
	}
	return err
}

// measure fills the store and reads it, quiet until a second before the cleanup and then until two
// seconds after.
func (c cleaned) measure(n int, before float64) (map[string]float64, error) {
	for i := range n {
		if err := c.set(i); err != nil {
			return nil, err
		}
	}
	m := map[string]float64{"bytes_beside_payload": (liveHeap()-before)/float64(n) - payload}
	left := time.Until(c.cleanup)
	if left < 2*time.Second {
		return nil, fmt.Errorf("it was full only %v before its cleanup", left)
	}
	keys := survivors(n, token)
	var failed error
	read := func(i int) {
		if err := c.get(keys[i%len(keys)]); err != nil {
			failed = err
		}
	}
	quiet := timed(read, time.Until(c.cleanup)-time.Second, nil)
	busy := timed(read, 3*time.Second, nil)
	m["read_p50_us"], m["read_p99_us"], m["worst_read_ms"] = at(quiet, .5), at(quiet, .99), at(busy, 1)/1000
	return m, failed
}
