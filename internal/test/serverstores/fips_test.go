package serverstores

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/coatcheck-go/coatcheck"

// A program that imports all our packages for applications starts in a mode in which Go allows only approved
// cryptography. A package, ours or a third party's, that used other cryptography while it is initialized would panic.
func TestPackagesStartInFIPSMode(t *testing.T) {
	var text strings.Builder
	text.WriteString("package main\n\nimport (\n")
	n := 0
	all := goCommand(t, "list", "-f", `{{if ne .Name "main"}}{{.ImportPath}}{{end}}`, module+"/...")
	for _, name := range strings.Fields(all) {
		if !strings.Contains(name, "/internal/") && !strings.Contains(name+"/", "/examples/") {
			fmt.Fprintf(&text, "\t_ %q\n", name)
			n++
		}
	}
	if n < 16 {
		t.Errorf("%d packages, there were 16 when this was written:\n%s", n, &text)
	}
	text.WriteString(")\n\nfunc main() {}\n")
	source, program := filepath.Join(t.TempDir(), "main.go"), filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(source, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	goCommand(t, "build", "-o", program, source)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v: %s", strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}
