package repocheck

import (
	"fmt"
	"go/ast"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// copies are the adapters' harnesses in internal/test/serverstores, by their originals. A module cannot import the
// tests of another one.
var copies = map[string]string{
	"httpsession/adapter_test.go":    "internal/test/serverstores/http_test.go",
	"ginsession/adapter_test.go":     "internal/test/serverstores/gin_test.go",
	"echosession/adapter_test.go":    "internal/test/serverstores/echo_test.go",
	"echov5session/adapter_test.go":  "internal/test/serverstores/echov5_test.go",
	"fibersession/adapter_test.go":   "internal/test/serverstores/fiber_test.go",
	"fiberv3session/adapter_test.go": "internal/test/fiberv3stores/fiber_test.go",
}

// TestHarnessCopies: each copy is its original, but for the names of what it declares, comments, and line breaks.
func TestHarnessCopies(t *testing.T) {
	r := open(t)
	byPath := map[string]file{}
	for _, f := range r.files {
		byPath[f.path] = f
	}
	for from, to := range copies {
		if byPath[from].ast == nil || byPath[to].ast == nil {
			t.Errorf("%s or %s is missing: correct the list in copies_test.go", from, to)
			continue
		}
		if diff := difference(r.words(byPath[from]), r.words(byPath[to])); diff != "" {
			t.Errorf("%s is a copy of %s, and they differ:\n%s\nMake the change in both files. "+
				"The copy may differ in the names of its own types and functions, comments and line breaks.", to, from, diff)
		}
	}
}

// word is one token of a file.
type word struct {
	text  string
	place string // file:line
	own   bool   // the name of something that the file declares
}

// words returns the tokens of a file's declarations. Imports and tests are left out, and so are semicolons: whether
// one is written depends on the line breaks. The functions and methods in without are left out, too.
func (r *repo) words(f file, without ...string) (list []word) {
	names := map[string]bool{}
	for _, d := range f.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names[d.Name.Name] = names[d.Name.Name] || d.Recv == nil
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok {
					names[s.Name.Name] = true
				}
			}
		}
	}
	for _, d := range f.ast.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			continue
		}
		if fn, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(fn.Name.Name, "Test") {
			continue
		}
		if fn, ok := d.(*ast.FuncDecl); ok && slices.Contains(without, fn.Name.Name) {
			continue
		}
		start := r.fset.Position(d.Pos())
		list = append(list, scan(f.text[start.Offset:r.fset.Position(d.End()).Offset], f.path, start.Line, names)...)
	}
	return list
}

// scan returns the tokens of a piece of a file that begins at a line. names are those that the file declares.
func scan(text []byte, path string, line int, names map[string]bool) (list []word) {
	fset := token.NewFileSet()
	var s scanner.Scanner
	s.Init(fset.AddFile(path, -1, len(text)), text, nil, 0)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return list
		}
		if tok == token.SEMICOLON {
			continue
		}
		if lit == "" {
			lit = tok.String()
		}
		place := fmt.Sprintf("%s:%d", path, line+fset.Position(pos).Line-1)
		list = append(list, word{lit, place, tok == token.IDENT && names[lit]})
	}
}

// difference says where two lists of words first differ, "" if nowhere. Each name that a file declares stands for one
// name of the other file, always the same.
func difference(a, b []word) string {
	end := word{text: "the end of the file"}
	there, back := map[string]string{}, map[string]string{}
	for i := range max(len(a), len(b)) {
		x, y := end, end
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		same := x.text == y.text
		if x.own && y.own {
			if _, known := there[x.text]; !known && back[y.text] == "" {
				there[x.text], back[y.text] = y.text, x.text
			}
			same = there[x.text] == y.text && back[y.text] == x.text
		}
		if !same {
			return fmt.Sprintf("\t%s: %s\n\t%s: %s", x.place, x.text, y.place, y.text)
		}
	}
	return ""
}
