package repocheck

import (
	"go/ast"
	"path"
	"regexp"
	"testing"
)

var (
	placed  = regexp.MustCompile("((?:`\\w+`(?:, | and ))*`\\w+`) in (\\w+\\.go)") // `again`, `fill` in update.go
	aTest   = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`)
	aTicked = regexp.MustCompile("`(\\w+)`")
)

// TestArchitectureNamesWhatIsThere: a table of who keeps and who proves what is worth as much as its names.
func TestArchitectureNamesWhatIsThere(t *testing.T) {
	r := open(t)
	var text string
	named := map[string]bool{} // "TestX", "file.go name"
	for _, f := range r.files {
		if f.path == "ARCHITECTURE.md" {
			text = string(f.text)
		}
		for name := range declared(f.ast) {
			named[name] = true
			named[path.Base(f.path)+" "+name] = true
		}
	}
	if text == "" {
		t.Fatal("no ARCHITECTURE.md")
	}
	for _, name := range aTest.FindAllString(text, -1) {
		if !named[name] {
			t.Errorf("ARCHITECTURE.md names %s, which is nowhere", name)
		}
	}
	for _, m := range placed.FindAllStringSubmatch(text, -1) {
		for _, name := range aTicked.FindAllStringSubmatch(m[1], -1) {
			if !named[m[2]+" "+name[1]] {
				t.Errorf("ARCHITECTURE.md: %s has no %s", m[2], name[1])
			}
		}
	}
}

// declared is the functions, methods and types that a file declares.
func declared(f *ast.File) map[string]bool {
	names := map[string]bool{}
	if f == nil {
		return names
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names[d.Name.Name] = true
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok {
					names[s.Name.Name] = true
				}
			}
		}
	}
	return names
}
