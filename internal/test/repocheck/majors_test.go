package repocheck

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// majors are pairs of adapters for two majors of one framework, and of shops. Code that names a framework's types has to
// stand in both. It may differ in what is said here, and in comments and line breaks, so that a fault is mended in both.
var majors = []struct {
	old, new string   // folders
	apart    []string // functions that are each one's own, or that only one has
	changes  []change // in this order
}{{
	old: "echosession", new: "echov5session",
	// The order of Echo's response and the writers of middleware is another one.
	apart: []string{"Fail", "beforeError", "replace", "awaitError", "WriteHeader"},
	changes: []change{
		{"echo.Context", "*echo.Context"},
		{"SetInternal", "Wrap"},
		{"r, res := c.Request(), c.Response()", "r := c.Request()"},
		{"w := &writer{mw: mw, c: c}", `res, hidden := echo.UnwrapResponse(c.Response())
			if hidden != nil {
				res = echo.NewResponse(c.Response(), c.Logger())
				c.SetResponse(res)
			}
			w := &writer{mw: mw, c: c, res: res}`},
		{"w.Begin(mw.m, r, res.Writer, w)", "w.Begin(mw.m, r, c.Response(), w)"},
		{"res.Writer = w", "c.SetResponse(w)"},
		{"w.FinishLater() res.Before(w.beforeError) return err", `if hidden == nil {
				w.awaitError()
				return err
			}
			c.Echo().HTTPErrorHandler(c, err)
			err = nil`},
		{"c *echo.Context }", "c *echo.Context res *echo.Response below bool }"},
	},
}, {
	old: "examples/echo", new: "examples/echov5",
	apart: []string{"run", "problem"}, // Echo v5 has no server of its own, and another HTTPErrorHandler
	changes: []change{
		{"echo.Context", "*echo.Context"},
		{"echosession", "echov5session"},
		{`"Echo"`, `"Echo v5"`},
		{"e.HideBanner, e.HidePort = true, true", ""},
	},
}, {
	old: "fibersession", new: "fiberv3session",
	apart: []string{"warn", "answered", "expire", "unread"}, // Fiber v3's package timeout answers while the handler goes on
	changes: []change{
		{"*fiber.Ctx", "fiber.Ctx"},
		{"c.Context()", "c.RequestCtx()"},
		{"c.UserContext()", "c.Context()"},
		{"c.SetUserContext", "c.SetContext"},
		{"mw.first.Do(func() { mw.warn(c.App()) })", "mw.first.Do(mw.warn) if unread(c) { return nil }"},
		{"if !over { apply(c, mw.m, x.Discard()) }", "if over { return } if out := x.Discard(); !answered(c) { apply(c, mw.m, out) }"},
		{`if err := c.Next(); err != nil { mw.render(c, err) } err := mw.commit(c, x, outside, before)`, `err := c.Next()
			if answered(c) {
				expire(c, x, outside)
			} else {
				if err != nil {
					mw.render(c, err)
				}
				err = mw.commit(c, x, outside, before)
			}`},
		{"h.VisitAll(func(name, _ []byte) { names = append(names, string(name)) })", "for name := range h.All() { names = append(names, string(name)) }"},
	},
}, {
	old: "examples/nethttp", new: "examples/chi",
	apart:   []string{"routes"},
	changes: []change{{`"net/http"`, `"chi"`}},
}, {
	old: "examples/fiber", new: "examples/fiberv3",
	apart: []string{"run"},
	changes: []change{
		{"*fiber.Ctx", "fiber.Ctx"},
		{"c.UserContext()", "c.Context()"},
		{"c.Context().SetBodyStreamWriter", "c.RequestCtx().SetBodyStreamWriter"},
		{"fibersession", "fiberv3session"},
		{`"Fiber"`, `"Fiber v3"`},
		{"DisableStartupMessage: true,", ""},
		{`c.Redirect("/", fiber.StatusSeeOther)`, `c.Redirect().Status(fiber.StatusSeeOther).To("/")`},
		{`c.Redirect("/cart", fiber.StatusSeeOther)`, `c.Redirect().Status(fiber.StatusSeeOther).To("/cart")`},
		{`c.Redirect("/devices", fiber.StatusSeeOther)`, `c.Redirect().Status(fiber.StatusSeeOther).To("/devices")`},
		{`c.Redirect(core.LocalPath(next, "/"), fiber.StatusSeeOther)`, `c.Redirect().Status(fiber.StatusSeeOther).To(core.LocalPath(next, "/"))`},
	},
}}

// change is a piece of code that stands in one adapter where the other one has another piece.
type change struct{ old, new string }

func TestMajorsStayAlike(t *testing.T) {
	r := open(t)
	for _, m := range majors {
		old, new := r.code(m.old, m.apart), r.code(m.new, m.apart)
		if len(old) == 0 || len(new) == 0 {
			t.Errorf("%s or %s is missing: correct the list in majors_test.go", m.old, m.new)
			continue
		}
		old, unused := changed(renamed(old, m.old, m.new), m.changes)
		for _, name := range m.apart {
			if !r.declares(m.old, name) && !r.declares(m.new, name) {
				t.Errorf("%s, %s: no function %s any more: take it out of majors_test.go", m.old, m.new, name)
			}
		}
		for _, c := range unused {
			t.Errorf("%s, %s: no code like %q any more: take the row out of majors_test.go", m.old, m.new, c.old)
		}
		if diff := difference(old, new); diff != "" {
			t.Errorf("%s and %s differ:\n%s\nMake the change in both. If it is the framework's, add it to majors_test.go.", m.old, m.new, diff)
		}
	}
}

// code returns the tokens of the code that ships, file by file.
func (r *repo) code(dir string, without []string) (list []word) {
	for _, f := range r.files {
		if f.dir() != dir || f.ast == nil || f.isTest() {
			continue
		}
		name := strings.TrimPrefix(path.Base(f.path), path.Base(dir)) // the main file has the package's name
		if words := r.words(f, without...); len(words) > 0 {
			list = append(append(list, word{text: "file " + name, place: f.path}), words...)
		}
	}
	return list
}

// declares reports whether the code that ships has a function or method of this name.
func (r *repo) declares(dir, name string) bool {
	return len(r.code(dir, []string{name})) < len(r.code(dir, nil))
}

// renamed replaces a package's name in texts.
func renamed(list []word, from, to string) []word {
	list = slices.Clone(list)
	for i := range list {
		list[i].text = strings.ReplaceAll(list[i].text, from, to)
	}
	return list
}

// changed replaces pieces of code, and returns the changes for which there was nothing to do.
func changed(list []word, changes []change) (_ []word, unused []change) {
	for _, c := range changes {
		old, new, found := scan([]byte(c.old), "", 0, nil), scan([]byte(c.new), "", 0, nil), false
		for i := 0; i+len(old) <= len(list); i++ {
			if slices.EqualFunc(list[i:i+len(old)], old, func(a, b word) bool { return a.text == b.text }) {
				piece := slices.Clone(new)
				for j := range piece {
					piece[j].place = list[i].place
				}
				list = slices.Replace(slices.Clone(list), i, i+len(old), piece...)
				i += len(new) - 1
				found = true
			}
		}
		if !found {
			unused = append(unused, c)
		}
	}
	return list, unused
}

// Whatever single word changes in one of the two, the comparison says so.
func TestMajorsAreComparedWordForWord(t *testing.T) {
	r := open(t)
	for _, m := range majors {
		old, _ := changed(renamed(r.code(m.old, m.apart), m.old, m.new), m.changes)
		new := r.code(m.new, m.apart)
		for i := range new {
			other := slices.Clone(new)
			other[i] = word{text: "another", place: other[i].place}
			if difference(old, other) == "" {
				t.Errorf("%s: a change of %q is not seen", new[i].place, new[i].text)
			}
			if difference(old, slices.Delete(slices.Clone(new), i, i+1)) == "" {
				t.Errorf("%s: %q may go", new[i].place, new[i].text)
			}
		}
	}
}

func TestChanged(t *testing.T) {
	code := func(text string) []word { return scan([]byte(text), "f.go", 1, nil) }
	for _, c := range []struct {
		changes []change
		want    string
		unused  int
	}{
		{[]change{{"a.B", "*a.B"}}, "f(*a.B, *a.B)", 0},
		{[]change{{"a.B", "c"}, {"f(c, c)", "g()"}}, "g()", 0},
		{[]change{{"a.C", "c"}}, "f(a.B, a.B)", 1},
	} {
		got, unused := changed(code("f(a.B, a.B)"), c.changes)
		if diff := difference(got, code(c.want)); diff != "" || len(unused) != c.unused {
			t.Errorf("%v: %s, unused %v", c.changes, diff, unused)
		}
	}
	if got := fmt.Sprint(renamed(code(`panic("old: New")`), "old", "new")); !strings.Contains(got, "new: New") {
		t.Error(got)
	}
}
