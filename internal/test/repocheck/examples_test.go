package repocheck

import (
	"go/ast"
	"go/doc"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exampled are the packages whose names stand in Examples.
var exampled = []struct {
	dir string

	// untyped are names that applications do not type, each with who does: all of a type ("Type"), one of a type
	// ("Type.Name"), or one of any type and of none ("Name").
	untyped map[string]string

	// still are the Examples that do not run, each with the reason.
	still map[string]string
}{
	{dir: "core", untyped: map[string]string{
		"Adapter": "adapters", "Exchange": "adapters", "Out": "adapters", "Header": "adapters",
	}},
	{dir: "core/keyring", untyped: map[string]string{"String": "package fmt"}},
	{dir: "httpsession"},
	{dir: "ginsession"},
	{dir: "echosession"},
	{dir: "echov5session"},
	{dir: "fibersession"},
	{dir: "fiberv3session"},
	{dir: "stores/memstore"},
	{dir: "stores/filestore"},
	{dir: "stores/cookiestore"},
	{dir: "stores/cachedstore"},
	{dir: "stores/crossingstore"},
	{dir: "stores/gormstore", still: map[string]string{
		"Example": needsDriver, "ExampleConfig": needsDriver, "ExampleRegister": needsDriver,
	}},
	{dir: "stores/memcachestore"},
	{dir: "stores/redisstore", untyped: map[string]string{"MaxData": "the package's tests, for storetest.Harness"}, still: map[string]string{
		"ExampleOpen": needsRedis, "ExampleOpen_sentinel": needsRedis, "ExampleConfig": needsRedis, "ExampleNew": needsRedis,
	}},
	{dir: "sessiontest", untyped: map[string]string{"Fatalf": "the package itself", "Cleanup": "the package itself"}},
	{dir: "sessionadmin"},
	{dir: "otelsession"},
	{dir: "adopt", untyped: map[string]string{"Now": "tests", "Find": "the application's store of scs has it", "Delete": "the same"}},
}

// Reasons why an Example does not run.
const (
	needsDriver = "it needs a database driver, which must not come into the module's go.mod"
	needsRedis  = "it needs a Redis: TestExamples of the package starts one, and runs it"
)

// everywhere are methods that a package of the standard library calls, whatever they belong to.
var everywhere = map[string]string{
	"Format": "fmt", "GoString": "fmt", "LogValue": "log/slog", "MarshalText": "encoding/json", "Unwrap": "errors", "Error": "errors",
}

// ofStore reports whether a name of a store is not typed where the store is made: its type, which New returns; the
// methods that core/driver or package io knows, which the Manager calls; and the clock, which memstore's Examples and
// those of sessiontest show.
func ofStore(m member, driver map[string]bool) bool {
	switch m.owner {
	case "":
		return m.name == "Store"
	case "Store":
		return driver[m.name]
	}
	return m.owner == "Config" && m.name == "Now"
}

// TestExamplesShowEveryName: each exported name that applications type stands in an Example, which runs.
func TestExamplesShowEveryName(t *testing.T) {
	r := open(t)
	apis := map[string]string{} // by module
	names := func(dir string) (list []member) {
		module := r.moduleOf(dir)
		if apis[module] == "" {
			apis[module] = r.api(t, module)
		}
		return members(apis[module], dir)
	}
	driver := map[string]bool{"Close": true, "Abilities": true}
	for _, m := range names("core/driver") {
		driver[m.name] = driver[m.name] || m.field
	}
	standard := map[string]bool{}
	for _, p := range exampled {
		shown, still := r.shown(p.dir)
		for _, example := range still {
			if p.still[example] == "" {
				t.Errorf("%s: %s does not run: it has no Output", p.dir, example)
			}
		}
		for example := range p.still {
			if !slices.Contains(still, example) {
				t.Errorf("%s: there is no %s without an Output: take it out of still", p.dir, example)
			}
		}
		var missing []string
		used, total := map[string]bool{}, 0
		for _, m := range names(p.dir) {
			if within(p.dir, "stores") && ofStore(m, driver) {
				continue
			}
			total++
			if shown[m.name] && m.owner != "" || shown[m.owner+"."+m.name] {
				continue
			}
			known := everywhere[m.name] != "" && !m.field
			standard[m.name] = standard[m.name] || known
			for _, exception := range []string{m.owner, m.name, m.owner + "." + m.name} {
				if p.untyped[exception] != "" {
					used[exception], known = true, true
				}
			}
			if !known {
				missing = append(missing, strings.TrimPrefix(m.owner+"."+m.name, "."))
			}
		}
		for exception := range p.untyped {
			if !used[exception] {
				t.Errorf("%s: no name needs the exception %q: take it out of untyped", p.dir, exception)
			}
		}
		if len(missing) > 0 {
			t.Errorf("%s: no Example shows %d of %d names: %s", p.dir, len(missing), total, strings.Join(slices.Compact(missing), ", "))
		}
		if total == 0 {
			t.Errorf("%s exports no name", p.dir)
		}
	}
	for name := range everywhere {
		if !standard[name] {
			t.Errorf("no name needs the exception %q: take it out of everywhere", name)
		}
	}
}

// shown returns what stands in the files of a package's Examples, and the Examples that do not run. A function, a type
// and the like stand as ".Name"; a field or method as "Name", or as "Type.Name" if it is in a composite literal.
func (r *repo) shown(dir string) (names map[string]bool, still []string) {
	names = map[string]bool{}
	for _, f := range r.files {
		if f.dir() != dir || f.ast == nil || !f.isTest() || !strings.HasPrefix(path.Base(f.path), "example") {
			continue
		}
		packages := map[string]bool{}
		for _, p := range imports(f) {
			packages[packageName(p)] = true
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				from, _ := n.X.(*ast.Ident)
				switch {
				case from != nil && from.Name == path.Base(dir):
					names["."+n.Sel.Name] = true
				case from == nil || !packages[from.Name]:
					names[n.Sel.Name] = true
				}
			case *ast.CompositeLit:
				for _, element := range n.Elts {
					pair, _ := element.(*ast.KeyValueExpr)
					if pair == nil {
						continue
					}
					if key, ok := pair.Key.(*ast.Ident); ok {
						names[literalOf(n.Type, path.Base(dir))+key.Name] = true
					}
				}
			}
			return true
		})
		for _, example := range doc.Examples(f.ast) {
			if example.Output == "" && !example.EmptyOutput {
				still = append(still, "Example"+example.Name)
			}
		}
	}
	return names, still
}

var major = regexp.MustCompile(`/v\d+$`)

// packageName is how a file calls what it imports by this path.
func packageName(importPath string) string { return path.Base(major.ReplaceAllString(importPath, "")) }

// literalOf returns what stands before the keys of a literal: "Type." for a type of the package; "" where the type is
// left out; something else for a type of another package.
func literalOf(typ ast.Expr, pkg string) string {
	switch typ := typ.(type) {
	case nil:
		return ""
	case *ast.SelectorExpr:
		if from, ok := typ.X.(*ast.Ident); ok && from.Name == pkg {
			return typ.Sel.Name + "."
		}
	}
	return "of another package: "
}

// member is an exported name of a package.
type member struct {
	owner, name string // owner is the type of a field or method
	field       bool   // of a struct, or a method of an interface
}

// members are the names of a package in the text of an api.txt.
func members(api, dir string) (list []member) {
	for line := range strings.Lines(api) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), dir+": ")
		if !ok || strings.HasPrefix(line, "embedded ") || embeds.MatchString(line) {
			continue
		}
		owner, name := split(line)
		list = append(list, member{owner, name, strings.HasPrefix(line, owner+"."+name+" ")})
	}
	return list
}

var embeds = regexp.MustCompile(`^\w+ (embeds|is closed by) `)

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
