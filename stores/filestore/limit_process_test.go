//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// limitRole signs a user in 25 times at once, where 3 sessions are allowed. arg says whether it is refused.
func limitRole(dir, arg string) error {
	s, err := New(dir, Config{})
	if err != nil {
		return err
	}
	refuse, _ := strconv.ParseBool(arg)
	errs := make(chan error, 25)
	for range cap(errs) {
		go func() {
			_, err := s.CreateLimited(context.Background(), session("alice"), driver.Limit{Most: 3, Refuse: refuse})
			if refuse && errors.Is(err, driver.ErrLimit) {
				err = nil
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		err = errors.Join(err, <-errs)
	}
	return err
}

// session is a record of a session that has not ended, in one namespace.
func session(subject string) *driver.Record {
	rec := newRecord(subject, "\x01\x00data")
	clear(rec.ID[16:])
	return rec
}

// 50 sign-ins of one user in two processes leave exactly 3 sessions.
func TestProcessesKeepALimit(t *testing.T) {
	for _, refuse := range []string{"false", "true"} {
		s, dir := newStore(t)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { run(t, "limit", dir, refuse) })
		}
		wg.Wait()
		if n := len(sessionsOf(t, s, "alice")); n != 3 {
			t.Errorf("refuse %s: %d sessions, want 3", refuse, n)
		}
	}
}
