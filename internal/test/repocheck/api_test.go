package repocheck

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var writeAPI = flag.Bool("api", false, "TestAPI writes each module's api.txt")

// TestAPI: a module's exported names are those in its api.txt, so that none changes by accident.
func TestAPI(t *testing.T) {
	r := open(t)
	for _, m := range r.modules {
		if m != "." && !published(m) {
			continue
		}
		name := path.Join(m, "api.txt")
		full := filepath.Join(r.root, filepath.FromSlash(name))
		got := r.api(t, m)
		if *writeAPI {
			if err := os.WriteFile(full, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(full)
		if err != nil {
			t.Error(err)
		}
		want := strings.ReplaceAll(string(text), "\r\n", "\n")
		if got != want && len(lacks(got, want))+len(lacks(want, got)) == 0 {
			t.Errorf("%s has the right lines, but not each once, or not in order", name)
		}
		for _, line := range lacks(want, got) {
			t.Errorf("%s names what is gone: %s", name, line)
		}
		for _, line := range lacks(got, want) {
			t.Errorf("%s lacks: %s", name, line)
		}
	}
	if t.Failed() {
		t.Log("if that is meant: make api, and see CONTRIBUTING.md")
	}
}

// lacks returns the lines of a text that another one does not have.
func lacks(a, b string) []string {
	there := map[string]bool{}
	for line := range strings.Lines(b) {
		there[line] = true
	}
	return slices.DeleteFunc(slices.Collect(strings.Lines(a)), func(line string) bool { return there[line] })
}

// api is what a module exports: a line for each name, with its package.
func (r *repo) api(t *testing.T, module string) string {
	var lines []string
	for _, f := range r.files {
		if f.ast == nil || f.isTest() || f.ast.Name.Name == "main" || r.moduleOf(f.dir()) != module || !published(f.dir()) {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.path, f.text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range promotes(t, tree, r.embedded(f.dir())) {
			lines = append(lines, f.dir()+": "+line+"\n")
		}
		closed := closes(tree)
		if !ast.FileExports(tree) {
			continue
		}
		for _, line := range closed {
			lines = append(lines, f.dir()+": "+line+"\n")
		}
		for _, decl := range tree.Decls {
			for _, line := range exports(t, decl) {
				lines = append(lines, f.dir()+": "+line+"\n")
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "") // a name may be in a file for each platform
}

// promotes are the exported methods of types that are not exported, and that an exported one embeds.
func promotes(t *testing.T, tree *ast.File, embedded map[string]bool) (lines []string) {
	for _, decl := range tree.Decls {
		d, ok := decl.(*ast.FuncDecl)
		if !ok || d.Recv == nil || !d.Name.IsExported() || !embedded[typeName(d.Recv.List[0].Type)] {
			continue
		}
		method := *d
		method.Body, method.Doc = nil, nil
		lines = append(lines, "embedded "+show(t, &method))
	}
	return lines
}

// embedded are the types of a package that are not exported, and that an exported struct embeds.
func (r *repo) embedded(dir string) map[string]bool {
	found := map[string]bool{}
	for _, f := range r.files {
		if f.ast == nil || f.isTest() || f.dir() != dir {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			s, ok := n.(*ast.TypeSpec)
			if !ok || !s.Name.IsExported() {
				return true
			}
			if typ, ok := s.Type.(*ast.StructType); ok {
				for _, field := range typ.Fields.List {
					if name := typeName(field.Type); len(field.Names) == 0 && !ast.IsExported(name) {
						found[name] = true
					}
				}
			}
			return true
		})
	}
	return found
}

// typeName is that of a type, of what it points to, or of a generic one.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	}
	return ""
}

// closes are the exported interfaces that other packages cannot implement.
func closes(tree *ast.File) (lines []string) {
	for _, decl := range tree.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range d.Specs {
			s, ok := spec.(*ast.TypeSpec)
			if !ok || !s.Name.IsExported() {
				continue
			}
			typ, ok := s.Type.(*ast.InterfaceType)
			if !ok {
				continue
			}
			for _, m := range typ.Methods.List {
				for _, name := range m.Names {
					if !name.IsExported() {
						lines = append(lines, s.Name.Name+" is closed by "+name.Name)
					}
				}
			}
		}
	}
	return lines
}

// exports are the lines of a declaration that ast.FileExports has been through.
func exports(t *testing.T, decl ast.Decl) (lines []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Body = nil; d.Recv == nil || exportedReceiver(d) {
			lines = append(lines, show(t, d))
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				lines = append(lines, typeLines(t, s)...)
			case *ast.ValueSpec:
				if d.Tok == token.VAR {
					s.Values = nil // an error's text is no API
				}
				lines = append(lines, d.Tok.String()+" "+show(t, s))
			}
		}
	}
	return lines
}

// typeLines are a type, and its fields or methods, one by one.
func typeLines(t *testing.T, s *ast.TypeSpec) []string {
	var members *ast.FieldList
	switch typ := s.Type.(type) {
	case *ast.StructType:
		members = typ.Fields
		s.Type = ast.NewIdent("struct")
	case *ast.InterfaceType:
		members = typ.Methods
		s.Type = ast.NewIdent("interface")
	default:
		return []string{"type " + show(t, s)}
	}
	lines := []string{"type " + show(t, s)}
	for _, field := range members.List {
		text := show(t, field.Type)
		if field.Tag != nil {
			text += " " + field.Tag.Value
		}
		if len(field.Names) == 0 {
			lines = append(lines, s.Name.Name+" embeds "+text)
		}
		for _, name := range field.Names {
			lines = append(lines, s.Name.Name+"."+name.Name+" "+text)
		}
	}
	return lines
}

// show prints a node in one line.
func show(t *testing.T, node any) string {
	var b strings.Builder
	if err := printer.Fprint(&b, token.NewFileSet(), node); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
