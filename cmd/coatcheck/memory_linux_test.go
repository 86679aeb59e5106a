package main

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// asCommand makes the test binary the command. Its value is the file to which it writes the most memory that it had: what
// the kernel tells its parent is at least the parent's own.
const asCommand = "TESTS_AS_COATCHECK"

func init() {
	file := os.Getenv(asCommand)
	if file == "" {
		return
	}
	code := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		err = os.WriteFile(file, status, 0o600)
	}
	if err != nil {
		panic(err)
	}
	os.Exit(code)
}

// Commands that read everything need no more memory for more sessions: at most 60 MiB more than for one, which takes about
// 20 MiB, or 40 with the race detector. CI has 10,000 sessions; TESTS_SESSIONS=1000000 takes a million, by hand.
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
			least := s.memory("list", new(strings.Builder))
			s.fill(count)
			for _, command := range []string{"list", "stats", "top", "verify"} {
				var out strings.Builder
				most := s.memory(command, &out)
				t.Logf("%s of %d sessions took %d MiB, of one session %d", command, count, most, least)
				if most > least+60 {
					t.Errorf("%s took %d MiB, and %d for one session", command, most, least)
				}
				if command != "list" && command != "top" && !strings.Contains(out.String(), `"sessions":`+strconv.Itoa(count)) {
					t.Errorf("%s: %.200s", command, out.String())
				}
			}
		})
	}
}

// memory runs the command in a process of its own, and returns the most memory that it had, in MiB.
func (s *shop) memory(command string, out *strings.Builder) int64 {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), os.Args[0], command, "--json")
	file := filepath.Join(s.TempDir(), "status")
	cmd.Env = append(os.Environ(), asCommand+"="+file)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if command == "list" {
		cmd.Stdout = io.Discard
	}
	if err := cmd.Run(); err != nil {
		s.Errorf("%s: %v", command, err)
	}
	status, err := os.ReadFile(file)
	if err != nil {
		s.Fatal(err)
	}
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
	if err != nil {
		s.Fatal(err)
	}
	return kib >> 10
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
