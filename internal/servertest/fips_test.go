package servertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/coatcheck-go/coatcheck"

// A program that imports our packages starts where Go allows approved cryptography alone. Command fips
// imports every one.
func TestPackagesStartInFIPSMode(t *testing.T) {
	program := filepath.Join(t.TempDir(), "fips")
	goCommand(t, "build", "-o", program, "./fips")
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	imported := strings.Fields(goCommand(t, "list", "-f", `{{join .Imports "\n"}}`, "./fips"))
	for _, name := range strings.Fields(goCommand(t, "list", "-f", `{{if ne .Name "main"}}{{.ImportPath}}{{end}}`, module+"/...")) {
		inner := strings.Contains(name, "/internal/") || strings.Contains(name+"/", "/examples/")
		if !inner && !slices.Contains(imported, name) {
			t.Errorf("command fips does not import %s", name)
		}
	}
}

func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
