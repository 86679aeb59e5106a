//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
)

// churnRole works on churned sessions. The first ones (kept) are only updated and touched. The others are also deleted
// and created.
const churned, kept = 8, 6

func churnID(i int) driver.ID { return driver.ID{byte(i), byte(i)} }

// pattern returns data in which every part shows to which record it belongs.
func pattern() []byte {
	b := make([]byte, 16+8*mathrand.IntN(2000))
	binary.BigEndian.PutUint64(b, uint64(len(b)))
	x := mathrand.Uint64()
	for at := 8; at < len(b); at += 8 {
		binary.BigEndian.PutUint64(b[at:], x)
	}
	return b
}

func isPattern(b []byte) bool {
	if len(b) < 16 || binary.BigEndian.Uint64(b) != uint64(len(b)) {
		return false
	}
	for at := 16; at < len(b); at += 8 {
		if string(b[at:at+8]) != string(b[8:16]) {
			return false
		}
	}
	return true
}

func churnRole(dir, sync string) error {
	s, err := New(dir, killed[sync])
	if err != nil {
		return err
	}
	fmt.Println("ready")
	errs := make(chan error)
	for range 4 {
		go func() {
			for {
				if err := churn(s, mathrand.IntN(churned)); err != nil {
					errs <- err
				}
			}
		}()
	}
	return <-errs
}

func churn(s *Store, i int) error {
	ctx := context.Background()
	rec, err := s.Load(ctx, churnID(i))
	switch {
	case errors.Is(err, driver.ErrNotFound) && i >= kept:
		rec = *newRecord([]string{"", "alice", "bob"}[mathrand.IntN(3)], "")
		rec.ID, rec.Data = churnID(i), pattern()
		if rec.Subject != "" {
			rec.Labels = []string{"admin"}
		}
		err = s.Create(ctx, &rec)
	case err != nil:
	case i >= kept && mathrand.IntN(2) == 0:
		err = s.Delete(ctx, rec.ID)
	case mathrand.IntN(3) == 0:
		err = s.Touch(ctx, rec.ID, rec.Version, rec.Used.Add(time.Second), rec.Expires.Add(time.Second))
	default:
		if i >= kept && mathrand.IntN(4) == 0 {
			rec.Subject = "" // which leaves the lists
		}
		rec.Data = pattern()
		err = s.Update(ctx, &rec)
	}
	if errors.Is(err, driver.ErrConflict) || errors.Is(err, driver.ErrExists) || i >= kept && errors.Is(err, driver.ErrNotFound) {
		return nil
	}
	return err
}

// killed are the settings of TestKill.
var killed = map[string]Config{
	"SyncAll":  {},
	"SyncEnds": {Sync: SyncEnds, Logger: slog.New(slog.DiscardHandler)},
}

// A writer is killed again and again, at any moment. Every session is in its old or its new state, also for those who
// read it meanwhile.
func TestKill(t *testing.T) {
	for sync, config := range killed {
		t.Run(sync, func(t *testing.T) { testKill(t, sync, config) })
	}
}

func testKill(t *testing.T, sync string, config Config) {
	times := rounds.Of(40, 200)
	s, dir := newStoreWith(t, config)
	last := map[driver.ID]driver.Record{}
	for i := range kept {
		rec := newRecord("carol", "")
		rec.ID, rec.Data = churnID(i), pattern()
		check(t, s.Create(t.Context(), rec))
		last[rec.ID] = *rec
	}
	writes := uint64(0)
	for round := range times {
		cmd := process(t, "churn", dir, sync)
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		line, _ := bufio.NewReader(out).ReadString('\n')
		for end := time.Now().Add(time.Duration(1_000_000 + mathrand.Int64N(19_000_000))); time.Now().Before(end); {
			i := mathrand.IntN(churned)
			rec, err := s.Load(t.Context(), churnID(i))
			if (err != nil || !isPattern(rec.Data)) && !(i >= kept && errors.Is(err, driver.ErrNotFound)) {
				t.Errorf("round %d, session %d, while it is written: %v, whole %v", round, i, err, isPattern(rec.Data))
			}
		}
		cmd.Process.Kill()
		if state, _ := cmd.Process.Wait(); line != "ready\n" || state.Exited() {
			t.Fatalf("round %d: the writer ended by itself: %q %v", round, line, state)
		}
		for i := range churned {
			rec, err := s.Load(t.Context(), churnID(i))
			if errors.Is(err, driver.ErrNotFound) && i >= kept {
				continue
			}
			if err != nil || !isPattern(rec.Data) {
				t.Fatalf("round %d, session %d: %v, whole %v", round, i, err, isPattern(rec.Data))
			}
			if was, ok := last[rec.ID]; ok {
				if rec.Version < was.Version || rec.Used.Before(was.Used) || rec.Expires.Before(was.Expires) {
					t.Fatalf("round %d, session %d went back: %d %v %v, was %d %v %v", round, i, rec.Version, rec.Used, rec.Expires, was.Version, was.Used, was.Expires)
				}
				writes += rec.Version - was.Version
				last[rec.ID] = rec
			}
		}
	}
	temps, err := filepath.Glob(filepath.Join(dir, "*", tempPrefix+"*"))
	check(t, err)
	t.Logf("%d kills, %d updates of kept sessions, %d temporary files left", times, writes, len(temps))

	// Sweep keeps young temporary files and removes old ones, and the index is right for every session.
	checkIndex(t, s)
	_, err = s.Sweep(t.Context(), 1000)
	check(t, err)
	for _, temp := range temps {
		check(t, os.Chtimes(temp, time.Time{}, time.Now().Add(-2*tempAge)))
	}
	_, err = s.Sweep(t.Context(), 1000)
	check(t, err)
	if temps, _ = filepath.Glob(filepath.Join(dir, "*", tempPrefix+"*")); len(temps) != 0 {
		t.Errorf("left after Sweep: %s", strings.Join(temps, " "))
	}
	checkIndex(t, s)
}

// checkIndex compares the index with a walk over all records.
func checkIndex(t *testing.T, s *Store) {
	t.Helper()
	want := map[string]map[driver.ID]bool{"alice": {}, "bob": {}, "carol": {}}
	labeled := map[driver.ID]bool{}
	for rec, err := range s.All(t.Context()) {
		check(t, err)
		if rec.Subject != "" {
			want[rec.Subject][rec.ID] = true
		}
		if len(rec.Labels) > 0 {
			labeled[rec.ID] = true
		}
	}
	for subject, ids := range want {
		if got := sessionsOf(t, s, subject); fmt.Sprint(got) != fmt.Sprint(ids) {
			t.Errorf("index of %s: %v, want %v", subject, got, ids)
		}
	}
	if got := found(t, s.ByLabel(t.Context(), "admin")); fmt.Sprint(got) != fmt.Sprint(labeled) {
		t.Errorf("index of the label: %v, want %v", got, labeled)
	}
}
