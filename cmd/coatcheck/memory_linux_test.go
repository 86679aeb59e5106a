package main

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// asCommand makes the test binary the command, so that its memory can be measured.
const asCommand = "TESTS_AS_COATCHECK"

func init() {
	if os.Getenv(asCommand) != "" {
		os.Unsetenv("TESTS_SESSIONS")
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
}

// Commands that read everything need no more memory for more sessions. CI has 10,000; TESTS_SESSIONS=1000000 takes a
// million, by hand.
func TestConstantMemory(t *testing.T) {
	n := 10_000
	if text := os.Getenv("TESTS_SESSIONS"); text != "" {
		n, _ = strconv.Atoi(text)
	}
	all := stores(t)
	for _, name := range []string{"file", "redis", "postgres"} {
		t.Run(name, func(t *testing.T) {
			count := n
			if name == "file" {
				count = min(n, 100_000)
			}
			s := newShop(t, all[name](t))
			s.signsIn("alice", 100)
			s.fill(count)
			for _, command := range []string{"list", "stats", "top", "verify"} {
				var out strings.Builder
				cmd := exec.CommandContext(t.Context(), os.Args[0], command, "--json")
				cmd.Env = append(os.Environ(), asCommand+"=1")
				cmd.Stdout, cmd.Stderr = &out, os.Stderr
				if command == "list" {
					cmd.Stdout = io.Discard
				}
				if err := cmd.Run(); err != nil {
					t.Errorf("%s: %v", command, err)
				}
				most := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
				t.Logf("%s of %d sessions took %d MiB and %v", command, count, most, cmd.ProcessState.UserTime())
				if most > 100 {
					t.Errorf("%s took %d MiB, at most 100", command, most)
				}
				if command != "list" && command != "top" && !strings.Contains(out.String(), `"sessions":`+strconv.Itoa(count)) {
					t.Errorf("%s: %.200s", command, out.String())
				}
			}
		})
	}
}

// fill makes it n sessions: copies of the one that is there, under other IDs of its namespace.
func (s *shop) fill(n int) {
	store := s.m.Config().Store.(driver.Store)
	var one driver.Record
	for rec, err := range driver.AbilitiesOf(store).Lister.All(s.Context()) {
		if err != nil {
			s.Fatal(err)
		}
		one = rec
	}
	todo := make(chan bool, n)
	for range n - 1 {
		todo <- true
	}
	close(todo)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range todo {
				rec := one
				_, _ = rand.Read(rec.ID[:16]) // never fails
				if err := store.Create(s.Context(), &rec); err != nil {
					s.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
