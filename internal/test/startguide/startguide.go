// Package startguide is for the programs of the getting-started guides (docs/start): it runs a program, types the
// commands of its page, and compares what comes back with what the page says.
//
//	func TestMain(m *testing.M) { os.Exit(startguide.Main(m, main)) }
//
//	func TestPage(t *testing.T) { startguide.Page(t, "../../../docs/start/gin.md") }
package startguide

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// patience is how long anything may take here before it counts as hanging.
const patience = 30 * time.Second

// asProgram is the environment variable that makes the test binary the program, so that nothing is linked twice.
const asProgram = "STARTGUIDE_RUNS_MAIN"

// Main is for TestMain: it runs the tests, or in a child process of Page the program.
func Main(m *testing.M, program func()) int {
	if os.Getenv(asProgram) == "" {
		return m.Run()
	}
	program()
	return 0
}

// onPage is where the programs listen unless ADDR says otherwise.
const onPage = "localhost:8080"

// Page types the commands of the page's console blocks. For each block the program is started anew, in the same folder.
func Page(t *testing.T, page string) {
	curl(t)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := consoleBlocks(string(text))
	if len(blocks) < 2 {
		t.Fatalf("%s has %d console blocks: at least two, so that the program is started again", page, len(blocks))
	}
	_, port, _ := net.SplitHostPort(startserver.DeadAddr(t))
	addr, dir, home := "localhost:"+port, t.TempDir(), t.TempDir()
	for _, block := range blocks {
		if len(block) == 0 {
			t.Fatalf("%s has a console block without a command", page)
		}
		p := start(t, addr, dir)
		for _, c := range block {
			got := strings.ReplaceAll(run(t, home, strings.ReplaceAll(c.line, onPage, addr)), addr, onPage)
			if !c.printed(got) {
				t.Errorf("$ %s\n%s\nThe page says:\n%s", c.line, got, c.output)
			}
		}
		p.stop(t)
	}
}

// curl skips the test where there is no curl. If CI is set, that is a failure.
func curl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil && os.Getenv("CI") != "" {
		t.Fatal("curl is not installed, and CI is set")
	} else if err != nil {
		t.Skip("curl is not installed")
	}
}

// command is a line that a reader types, and what it prints.
type command struct{ line, output string }

// printed reports whether the output is the page's, where "…" stands for anything within a line.
func (c command) printed(got string) bool {
	want := strings.ReplaceAll(regexp.QuoteMeta(c.output), "…", ".+")
	return regexp.MustCompile(`\A` + want + `\z`).MatchString(strings.ReplaceAll(got, "\r\n", "\n"))
}

// consoleBlocks returns the commands of each block that is marked as console.
func consoleBlocks(text string) (blocks [][]command) {
	inside := false
	for line := range strings.Lines(text) {
		typed, isCommand := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "$ ")
		last := len(blocks) - 1
		switch {
		case strings.HasPrefix(line, "```"):
			inside = strings.TrimSpace(line) == "```console"
			if inside {
				blocks = append(blocks, nil)
			}
		case inside && isCommand:
			blocks[last] = append(blocks[last], command{line: typed})
		case inside && len(blocks[last]) > 0:
			blocks[last][len(blocks[last])-1].output += line
		}
	}
	return blocks
}

// run returns what a command prints.
func run(t *testing.T, dir, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("$ %s\n%v\n%s", line, err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// program is one that runs.
type program struct {
	cmd   *exec.Cmd
	said  bytes.Buffer // to be read when it has ended
	ended chan struct{}
}

func start(t *testing.T, addr, dir string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{cmd: exec.Command(self), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), asProgram+"=1", "ADDR="+addr)
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // most of them are ended by the signal
	}()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("the program said:\n%s", p.said.String())
		}
	})
	p.await(t, addr)
	return p
}

// await returns when the program listens.
func (p *program) await(t *testing.T, addr string) {
	t.Helper()
	for late := time.Now().Add(patience); ; {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-p.ended:
			t.Fatal("the program ended at once")
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(late) {
			t.Fatalf("the program does not listen: %v", err)
		}
	}
}

// stop ends it.
func (p *program) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // a shell may start tests with SIGINT ignored, and children inherit that
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
		t.Error("the program did not end after SIGTERM")
	}
}
