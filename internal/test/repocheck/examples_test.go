package repocheck

import (
	"go/ast"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// notTyped are the exported names of core that applications do not type, by the type they belong to, or alone.
var notTyped = map[string]string{
	"Adapter": "adapters", "Manager.Adapter": "adapters", "Exchange": "adapters", "Out": "adapters", "Header": "adapters",
	"Format": "package fmt", "LogValue": "package log/slog", "Unwrap": "package errors", "Error": "package errors",
	"JSON.Name": "the Manager", "JSON.Encode": "the Manager", "JSON.Decode": "the Manager",
}

// TestExamplesShowEveryName: each exported name of core that applications type stands in an Example that runs.
func TestExamplesShowEveryName(t *testing.T) {
	r := open(t)
	shown := map[string]bool{}
	for _, f := range r.files {
		if f.dir() != "core" || f.ast == nil || !f.isTest() || !strings.HasPrefix(path.Base(f.path), "example") {
			continue
		}
		packages := map[string]bool{}
		for _, spec := range f.ast.Imports {
			packages[path.Base(strings.Trim(spec.Path.Value, `"`))] = true
		}
		for _, d := range f.ast.Decls {
			ast.Inspect(d, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					from, _ := n.X.(*ast.Ident)
					switch {
					case from != nil && from.Name == "core":
						shown["core."+n.Sel.Name] = true
					case from == nil || !packages[from.Name]:
						shown[n.Sel.Name] = true
					}
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok {
						shown[key.Name] = true
					}
				}
				return true
			})
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Example") && !strings.Contains(comments(r, f), "Output:") {
				t.Errorf("%s does not run: it has no Output", f.Name.Name)
			}
		}
	}
	var missing []string
	used := map[string]bool{}
	total := 0
	for line := range strings.Lines(r.api(t, ".")) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "core: ")
		if !ok || strings.HasPrefix(name, "embedded ") {
			continue
		}
		owner, name := split(name)
		if !typed(owner, name, used) {
			continue
		}
		total++
		if owner == "" {
			name = "core." + name
		}
		if !shown[name] {
			missing = append(missing, strings.TrimPrefix(owner+"."+name, "."))
		}
	}
	for exception := range maps.Keys(notTyped) {
		if !used[exception] {
			t.Errorf("notTyped has %q, which core does not export", exception)
		}
	}
	if len(missing) > 0 {
		t.Errorf("no Example of core shows %d of %d names: %s", len(missing), total, strings.Join(slices.Sorted(slices.Values(missing)), ", "))
	}
	if total < 100 {
		t.Errorf("only %d names were looked at", total)
	}
}

func typed(owner, name string, used map[string]bool) bool {
	is := true
	for _, exception := range []string{owner, name, owner + "." + name} {
		if _, ok := notTyped[exception]; ok {
			used[exception] = true
			is = false
		}
	}
	return is
}

// split returns the type and the name of a line of api.txt.
func split(line string) (owner, name string) {
	for _, kind := range []string{"func ", "type ", "var ", "const "} {
		if rest, ok := strings.CutPrefix(line, kind); ok {
			line = rest
			break
		}
	}
	if receiver, ok := strings.CutPrefix(line, "("); ok {
		receiver, line, _ = strings.Cut(receiver, ") ")
		if i := strings.LastIndexByte(receiver, ' '); i >= 0 {
			receiver = receiver[i+1:]
		}
		owner, _, _ = strings.Cut(strings.TrimPrefix(receiver, "*"), "[")
	}
	end := strings.IndexFunc(line, func(r rune) bool { return r == ' ' || r == '(' || r == '[' })
	if end < 0 {
		end = len(line)
	}
	name = line[:end]
	if before, field, ok := strings.Cut(name, "."); ok {
		owner, name = before, field
	}
	return owner, name
}

// comments is the text of all comments in a function.
func comments(r *repo, f *ast.FuncDecl) string {
	var all []string
	for _, file := range r.files {
		if file.ast == nil || f.Pos() < file.ast.FileStart || f.Pos() > file.ast.FileEnd {
			continue
		}
		for _, group := range file.ast.Comments {
			if group.Pos() > f.Pos() && group.End() < f.End() {
				all = append(all, group.Text())
			}
		}
	}
	return strings.Join(all, "\n")
}
