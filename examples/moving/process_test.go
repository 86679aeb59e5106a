package moving_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// patience is how long anything may take here before it counts as hanging.
const patience = 30 * time.Second

var redis = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.Redis(tb) })

var programs string // folder of the built applications

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "coatcheck-moving")
	if err != nil {
		panic(err)
	}
	programs = dir
	code := startserver.Main(m)
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// builds remembers what build has done.
var builds sync.Map // name -> func() error

// build compiles the application of a folder once, and returns the program.
func build(t *testing.T, name string) string {
	t.Helper()
	program := filepath.Join(programs, strings.ReplaceAll(name, "/", "-"))
	once, _ := builds.LoadOrStore(name, sync.OnceValue(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", program, "./"+name).CombinedOutput()
		if err != nil {
			return errors.New(string(out))
		}
		return nil
	}))
	if err := once.(func() error)(); err != nil {
		t.Fatal(err)
	}
	return program
}

// secrets are the same for all applications of a run, as those of one deployment.
var secrets = []string{
	"SESSION_SECRET=0123456789abcdef0123456789abcdef",
	"SESSION_KEYS=" + keyring.Generate("k1").Reveal(),
}

// start runs the application of a folder, and returns its URL. env is what it finds in its environment, besides the
// secrets.
func start(t *testing.T, name string, env ...string) string {
	t.Helper()
	program := build(t, name)
	for range 3 { // another process may take the port first
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		_ = l.Close()
		cmd, log := exec.Command(program), new(log)
		cmd.Env = append(append(append(os.Environ(), secrets...), env...), "ADDR="+addr)
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		err = listens(addr, ended)
		if err == nil {
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				<-ended
				if t.Failed() {
					t.Logf("%s said:\n%s", name, log)
				}
			})
			return "http://" + addr
		}
		_ = cmd.Process.Kill()
		t.Logf("%s: %v: %s", name, err, log)
	}
	t.Fatalf("%s does not start", name)
	return ""
}

// listens waits until a program takes connections. It fails if the program ends before that.
func listens(addr string, ended <-chan error) error {
	for late := time.Now().Add(patience); time.Now().Before(late); {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
			return nil
		}
		select {
		case err := <-ended:
			return errors.Join(errors.New("it ended"), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return errors.New("it takes no connection")
}

// log is a buffer that a program writes and a test reads.
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
