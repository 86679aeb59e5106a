package repocheck

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// Every exported name of a package that users import has a comment.
func TestExportedNamesAreDocumented(t *testing.T) {
	r := open(t)
	packages := map[string]bool{} // folder -> has a package comment
	for _, f := range r.files {
		if f.ast == nil || f.isTest() || !published(f.dir()) || f.ast.Name.Name == "main" {
			continue
		}
		packages[f.dir()] = packages[f.dir()] || f.ast.Doc != nil
		d := docs{t: t, fset: r.fset, path: f.path}
		for _, decl := range f.ast.Decls {
			d.decl(decl)
		}
	}
	for dir, documented := range packages {
		if !documented {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

// docs reports what one file leaves unexplained.
type docs struct {
	t    *testing.T
	fset *token.FileSet
	path string
}

func (d docs) missing(pos token.Pos, name string) {
	d.t.Helper()
	d.t.Errorf("%s:%d: exported %s has no comment", d.path, d.fset.Position(pos).Line, name)
}

func (d docs) decl(decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Name.IsExported() && decl.Doc == nil && exportedReceiver(decl) && !wellKnown(decl) {
			d.missing(decl.Pos(), decl.Name.Name)
		}
	case *ast.GenDecl:
		g := group{docs: d, covered: decl.Doc != nil}
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				// One comment may explain a group of constants.
				g.item(spec, spec.Names, spec.Doc != nil || spec.Comment != nil || g.covered)
			case *ast.TypeSpec:
				g.item(spec, []*ast.Ident{spec.Name}, spec.Doc != nil || spec.Comment != nil || decl.Doc != nil)
				if spec.Name.IsExported() {
					d.members(spec.Type)
				}
			}
		}
	}
}

// members checks the fields of a struct and the methods of an interface.
func (d docs) members(typ ast.Expr) {
	var fields *ast.FieldList
	switch typ := typ.(type) {
	case *ast.StructType:
		fields = typ.Fields
	case *ast.InterfaceType:
		fields = typ.Methods
	default:
		return
	}
	// The comment of a type with one member is about that member, too.
	g := group{docs: d, covered: len(fields.List) == 1}
	if g.covered {
		g.last = d.fset.Position(fields.List[0].Pos()).Line - 1
	}
	for _, f := range fields.List {
		g.item(f, f.Names, f.Doc != nil || f.Comment != nil || explained(f.Type))
	}
}

// explained is true of a type of the same package that is exported: its own
// comment says what such a field holds.
func explained(typ ast.Expr) bool {
	name, ok := typ.(*ast.Ident)
	return ok && name.IsExported()
}

// group is a run of lines under one comment. A line without its own is covered
// by the one above it, if no blank line parts them.
type group struct {
	docs
	covered bool
	last    int // line on which the previous item ended
}

func (g *group) item(node ast.Node, names []*ast.Ident, documented bool) {
	joined := g.fset.Position(node.Pos()).Line == g.last+1
	ok := documented || (joined && g.covered)
	for _, name := range names {
		if name.IsExported() && !ok {
			g.missing(name.Pos(), name.Name)
		}
	}
	g.covered, g.last = ok, g.fset.Position(node.End()).Line
}

// wellKnown methods mean the same on every error type.
func wellKnown(f *ast.FuncDecl) bool {
	return f.Recv != nil && (f.Name.Name == "Error" || f.Name.Name == "Unwrap")
}

// exportedReceiver is true of a function, and of a method that users can reach.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	typ := f.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return true
		}
	}
}

// TestSettingsPageIsComplete: docs/settings.md has a row for each field of core.Config, and for each of its Cookie.
func TestSettingsPageIsComplete(t *testing.T) {
	r := open(t)
	fields, page := 0, ""
	for _, f := range r.files {
		if f.path == "docs/settings.md" {
			page = string(f.text)
		}
	}
	for line := range strings.Lines(r.api(t, ".")) {
		field, ok := strings.CutPrefix(strings.TrimSpace(line), "core: Config.")
		if !ok {
			if field, ok = strings.CutPrefix(strings.TrimSpace(line), "core: Cookie."); !ok {
				continue
			}
			field = "Cookie." + field
		}
		field, _, _ = strings.Cut(field, " ")
		if field == "Cookie" {
			continue // its own fields
		}
		fields++
		if !strings.Contains(page, "`"+field+"`") {
			t.Errorf("docs/settings.md has no %s", field)
		}
	}
	if fields < 25 {
		t.Errorf("only %d fields were looked at", fields)
	}
}
