package rolling

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// bump is how a line of one format becomes that of the next one, which is written, and read beside the old one.
type bump struct {
	dir  string // in the repository
	line *regexp.Regexp
	by   string
	n    int // lines that must be found at least
}

// constant and compared are how the stores in Go name their formats and refuse others. Numbers are unsigned: none,
// which is 0, becomes the greatest.
var (
	constant = regexp.MustCompile(`(?m)^((?:const )?\t?(?:envelopeF|f)ormat\s*)= 1$`)
	compared = regexp.MustCompile(`(\(b\[6:\]\)|\w\[0\]) != format\b`)
)

var bumps = []bump{
	{"core", constant, "${1}= 2", 1},
	{"stores/filestore", constant, "${1}= 2", 1},
	{"stores/filestore", compared, "${1}-1 >= format", 1},
	{"stores/memcachestore", constant, "${1}= 2", 1},
	{"stores/memcachestore", compared, "${1}-1 >= format", 1},
	{"stores/cookiestore", constant, "${1}= 2", 1},
	{"stores/cookiestore", compared, "${1}-1 >= format", 1},
	{"stores/redisstore", constant, "${1}= 2", 1},
	{"stores/redisstore", compared, "${1}-1 >= format", 1},
	// A value in a cache is known by its kind, beside which the fence has its own.
	{"stores/cachedstore", regexp.MustCompile(`kindNewer = 3\b`), "kindNewer = 4", 1},
	{"stores/cachedstore", regexp.MustCompile(`b = append\(b, e\.kind\)`), "b = append(b, [...]byte{0, 3, 2}[e.kind])", 1},
	{"stores/cachedstore", regexp.MustCompile(`e\.rec\.ID = b\[0\],`), "e.rec.ID = [...]byte{0, 1, 2, 1}[b[0]],", 1},
	// The same in Lua.
	{"stores/redisstore", regexp.MustCompile(`h:byte\(\) > 1\b`), "h:byte() > 2", 1},
	{"stores/redisstore", regexp.MustCompile(`(\w+):byte\(\) ~= 1\b`), "(${1}:byte() or 0) < 1", 1},
	// A script is known by its text's SHA-1. Under the old name the server would run the old one; it has none
	// of this name, and gets the text with each call.
	{"stores/redisstore", regexp.MustCompile(`script\{"[0-9a-f]{40}"`), `script{"` + strings.Repeat("0", 40) + `"`, 3},
}

// overlay writes the next release's files and returns what tells the compiler of them.
func overlay(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{} // by path
	for _, b := range bumps {
		paths, err := filepath.Glob(filepath.Join(root, b.dir, "*.go"))
		must(t, err)
		n := 0
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			text, changed := files[path]
			if !changed {
				content, err := os.ReadFile(path)
				must(t, err)
				text = string(content)
			}
			if found := len(b.line.FindAllString(text, -1)); found > 0 {
				n += found
				files[path] = b.line.ReplaceAllString(text, b.by)
			}
		}
		if n < b.n {
			t.Fatalf("%s has %d lines like %s, want at least %d: tell this test how the next format is made", b.dir, n, b.line, b.n)
		}
	}
	replace := map[string]string{}
	for path, text := range files {
		to := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		must(t, os.WriteFile(to, []byte(text), 0o600))
		replace[path] = to
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	must(t, err)
	path := filepath.Join(dir, "overlay.json")
	must(t, os.WriteFile(path, list, 0o600))
	return path
}

// build returns the programs of this release, which is running, and of the next one.
func build(t *testing.T) (old, next string) {
	t.Helper()
	old, err := os.Executable()
	must(t, err)
	root, err := filepath.Abs("../../../..")
	must(t, err)
	next = filepath.Join(t.TempDir(), "next")
	if out, err := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-overlay", overlay(t, root), "-o", next, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the next release: %v: %s", err, out)
	}
	return old, next
}

// start runs a release and returns its URL, and stop, which ends it.
func start(t *testing.T, program, store, address, keys string) (url string, stop func()) {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), storeVariable+"="+store, addressVariable+"="+address, keysVariable+"="+keys)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	stop = sync.OnceFunc(func() {
		in.Close()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	return "http://" + strings.TrimSpace(line), stop
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
