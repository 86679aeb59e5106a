package startserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// startTimeout has room for initdb on a busy machine with two cores.
const startTimeout = time.Minute

// Server is one running server. Its methods are for one goroutine at a time.
type Server struct {
	// Name is the program's name: "redis-server".
	Name string

	// Addr is host:port. It stays the same over Kill and Restart.
	Addr string

	// Dir is the server's folder. It is removed with the server.
	Dir string

	// User and Database are for logging in, without a password, if the server has logins.
	User, Database string

	program string
	account string // the account to run as when the test is root
	argv    func(s *Server) []string
	ready   func(addr string) error
	proc    *process
}

// PID is the process id of the server, or of its last process.
func (s *Server) PID() int { return s.proc.pid() }

// Kill ends the server and its children at once (SIGKILL) and returns when they are gone.
func (s *Server) Kill() { s.proc.kill() }

// Restart starts a killed server again, on the same port and in the same folder. It returns when the server answers.
// What the server stored on disk is there again.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	// For a moment, the children of a killed PostgreSQL may still hold its memory, and the kernel its port. So try
	// until the time is up.
	deadline := time.Now().Add(startTimeout)
	for {
		err := s.start()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("startserver: restart: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Pause stops the server (SIGSTOP): it keeps its connections and does not answer. Resume ends that.
func (s *Server) Pause() { s.proc.pause() }

// Resume ends Pause.
func (s *Server) Resume() { s.proc.resume() }

// launch starts s for tb. prepare, if not nil, fills the folder first.
func (s *Server) launch(tb testing.TB, prepare func() error) *Server {
	tb.Helper()
	s.Dir = folder(tb, s.account)
	tb.Cleanup(func() {
		if s.proc != nil {
			s.proc.kill()
		}
	})
	if prepare != nil {
		if err := prepare(); err != nil {
			tb.Fatalf("startserver: %s: %v", s.Name, err)
		}
	}
	var err error
	for range 3 { // another process may take the port before the server does
		s.Addr = fmt.Sprintf("127.0.0.1:%d", freePort(tb))
		if err = s.start(); err == nil {
			return s
		}
	}
	tb.Fatalf("startserver: %v", err)
	return nil
}

// start runs the program and waits until it answers.
func (s *Server) start() error {
	proc, err := run(s.Dir, s.account, s.program, s.argv(s)...)
	if err != nil {
		return err
	}
	s.proc = proc
	deadline := time.Now().Add(startTimeout)
	for {
		err := s.ready(s.Addr)
		switch {
		case proc.ended():
			return fmt.Errorf("%s ended: %s", s.Name, proc.output())
		case err == nil:
			return nil
		case time.Now().After(deadline):
			proc.kill()
			return fmt.Errorf("%s does not get ready: %w: %s", s.Name, err, proc.output())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// folder makes a temporary folder with a short path, since a socket's path may have about 100 bytes.
func folder(tb testing.TB, account string) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "ccts")
	if err == nil {
		err = chownTo(dir, account)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// program finds a program in PATH or in one of the folders. If there is none, the test is skipped, or fails if CI is
// set.
func program(tb testing.TB, name string, folders ...string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		// Debian's wrappers choose a version of their own; the folder next to the real
		// program holds its companions.
		return path
	}
	for _, pattern := range folders {
		found, _ := filepath.Glob(filepath.Join(pattern, name))
		if len(found) > 0 {
			return found[len(found)-1]
		}
	}
	if !errors.Is(err, exec.ErrNotFound) {
		tb.Fatal(err)
	}
	if os.Getenv("CI") != "" {
		tb.Fatalf("startserver: %s is not installed, and CI is set", name)
	}
	tb.Skipf("%s is not installed", name)
	return ""
}
