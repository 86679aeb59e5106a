package examples_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var apps = []string{"nethttp", "chi", "gin", "echo", "echov5", "fiber", "fiberv3"}

// apart are those that are modules of their own.
var apart = []string{"fiberv3"}

// patience is how long anything may take here before it counts as hanging.
const patience = 30 * time.Second

var programs string // folder of the built examples

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if programs, err = os.MkdirTemp("", "coatcheck-examples"); err == nil {
			defer os.RemoveAll(programs)
			err = build()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// noDebug leaves the debugger's tables out, which takes a third off the linker's time.
const noDebug = "-ldflags=-s -w"

func build() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	args := []string{"build", noDebug, "-o", programs + string(filepath.Separator), "./quickstart"}
	for _, app := range apps {
		if !slices.Contains(apart, app) {
			args = append(args, "./"+app)
			continue
		}
		if out, err := exec.CommandContext(ctx, "go", "build", "-C", app, noDebug, "-o", filepath.Join(programs, app), ".").CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// server is an example that runs.
type server struct {
	app, store string
	dir        string // its working directory: sessions and keys are there
	url        string
	cmd        *exec.Cmd
	lines      chan string
	log        log
}

// start runs an example in a folder of its own.
func start(t *testing.T, app, store string) *server {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM to stop the examples with")
	}
	s := &server{app: app, store: store, dir: t.TempDir()}
	s.run(t)
	t.Cleanup(func() {
		s.stop(t)
		if t.Failed() {
			t.Logf("%s -store %s said:\n%s", app, store, s.log.String())
		}
	})
	return s
}

func (s *server) run(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(filepath.Join(programs, s.app), "-addr", "127.0.0.1:0", "-store", s.store)
	s.cmd.Dir = s.dir
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.lines = make(chan string, 100)
	go func() {
		defer close(s.lines)
		for scan := bufio.NewScanner(io.TeeReader(out, &s.log)); scan.Scan(); {
			select {
			case s.lines <- scan.Text():
			default: // nobody reads any more
			}
		}
	}()
	s.url = s.awaitURL(t)
}

func (s *server) awaitURL(t *testing.T) string {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if _, url, found := strings.Cut(line, "http://"); found {
				return "http://" + strings.TrimSpace(url)
			}
			if !ok {
				_ = s.cmd.Wait()
				t.Fatalf("%s ended at once: %s", s.app, s.log.String())
			}
		case <-late:
			_ = s.cmd.Process.Kill()
			t.Fatalf("%s printed no URL: %s", s.app, s.log.String())
		}
	}
}

// stop ends it as an operator would, and checks that it goes without complaint.
func (s *server) stop(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	hung := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	defer hung.Stop()
	for range s.lines { // to the end of its output, as Wait asks for
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("%s did not stop cleanly: %v", s.app, err)
	}
}

func (s *server) restart(t *testing.T) {
	t.Helper()
	s.stop(t)
	s.run(t)
}

// lists reports whether the store can find a user's sessions.
func (s *server) lists() bool { return !strings.HasPrefix(s.store, "cookie:") }

// durable reports whether sessions survive a restart.
func (s *server) durable() bool { return !strings.HasPrefix(s.store, "memory:") }

// log is a buffer for two writers.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
