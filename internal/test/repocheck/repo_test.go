package repocheck

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const rootModule = "github.com/coatcheck-go/coatcheck"

// file is one text file of the repository.
type file struct {
	path string // relative to the root, with slashes
	text []byte
	ast  *ast.File // of a Go file
}

func (f file) dir() string  { return path.Dir(f.path) }
func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// repo is everything the checks look at, read once.
type repo struct {
	root    string
	files   []file
	modules []string // folders with a go.mod, "." for the root
	fset    *token.FileSet
}

var load = sync.OnceValues(func() (*repo, error) {
	r := &repo{root: moduleRoot(), fset: token.NewFileSet()}
	err := filepath.WalkDir(r.root, r.visit)
	return r, err
})

// moduleRoot is the folder of the root module's go.mod, found from here upwards: the checks must not be skipped
// because this package has moved.
func moduleRoot() string {
	dir := ".."
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || len(dir) > 100 {
			return dir
		}
		dir = filepath.Join(dir, "..")
	}
}

// open gives a test the repository. The root module is also published alone,
// without the rest: there is nothing to check there.
func open(t *testing.T) *repo {
	t.Helper()
	if _, err := os.Stat(filepath.Join(moduleRoot(), "go.work")); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no go.work: ", err)
		}
		t.Skip("no go.work: this is the published module, not the repository")
	}
	r, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *repo) visit(full string, d fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(r.root, full)
	if err != nil {
		return err
	}
	rel = filepath.ToSlash(rel)
	if d.IsDir() {
		if name := d.Name(); name == ".git" || name == "node_modules" || name == ".tools" {
			return fs.SkipDir
		}
		return nil
	}
	if !d.Type().IsRegular() || d.Name() == ".git" { // git's own, in a work tree beside the repository
		return nil
	}
	text, err := os.ReadFile(full)
	if err != nil {
		return err
	}
	if bytes.IndexByte(text[:min(len(text), 8192)], 0) >= 0 {
		return nil // not text
	}
	f := file{path: rel, text: text}
	if path.Base(rel) == "go.mod" {
		r.modules = append(r.modules, f.dir())
	}
	if strings.HasSuffix(rel, ".go") && !strings.Contains("/"+rel, "/testdata/") {
		f.ast, err = parser.ParseFile(r.fset, full, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
	}
	r.files = append(r.files, f)
	return nil
}

// moduleOf returns the folder of the module that a folder belongs to.
func (r *repo) moduleOf(dir string) string {
	best := "."
	for _, m := range r.modules {
		if within(dir, m) && len(m) > len(best) {
			best = m
		}
	}
	return best
}

// within reports whether dir is parent or lies below it.
func within(dir, parent string) bool {
	return dir == parent || strings.HasPrefix(dir, parent+"/")
}

// published reports whether users can import a folder, or get its module.
func published(dir string) bool {
	for _, own := range []string{"examples", "bench", "cmd", "internal"} {
		if within(dir, own) {
			return false
		}
	}
	return !strings.Contains("/"+dir+"/", "/internal/")
}
