package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// patience is how long anything may take here before it counts as hanging.
const patience = 30 * time.Second

// asShop makes the test's program the shop, so that the race detector sees the shop, too.
const asShop = "TESTS_AS_SHOP"

func TestMain(m *testing.M) {
	if os.Getenv(asShop) != "" {
		main()
		return
	}
	os.Exit(startserver.Main(m))
}

// sessionKeys are those of the cookie store.
var sessionKeys = keyring.Generate("k1").Reveal()

// command is the shop on a store, in a folder of its own.
func command(dir, storeURL string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-addr", "127.0.0.1:0")
	cmd.Dir = dir
	// The race detector would sleep for a second at each end of the shop.
	cmd.Env = append(os.Environ(), asShop+"=1", "GORACE=atexit_sleep_ms=0", "COATCHECK_STORE="+storeURL, "SESSION_KEYS="+sessionKeys)
	return cmd
}

// process is a shop that runs.
type process struct {
	dir   string // its working directory: sessions are there
	store string // its URL
	url   string
	cmd   *exec.Cmd
	log   string // file of what it prints
}

func start(t *testing.T, storeURL string) *process {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM to stop the shop with")
	}
	p := &process{dir: t.TempDir(), store: storeURL, log: filepath.Join(t.TempDir(), "log")}
	p.run(t)
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("the shop said:\n%s", p.said())
		}
	})
	return p
}

func (p *process) run(t *testing.T) {
	t.Helper()
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = command(p.dir, p.store)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for late := time.Now().Add(patience); time.Now().Before(late); time.Sleep(5 * time.Millisecond) {
		if _, rest, found := strings.Cut(p.said(), "http://"); found {
			if addr, _, whole := strings.Cut(rest, "\n"); whole {
				p.url = "http://" + addr
				return
			}
		}
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	t.Fatalf("the shop on %s printed no URL: %s", p.store, p.said())
}

func (p *process) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// stop ends it as an operator would, and checks that it goes without complaint.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	hung := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer hung.Stop()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the shop did not stop cleanly: %v", err)
	}
}

func (p *process) restart(t *testing.T) {
	t.Helper()
	p.stop(t)
	p.run(t)
}
