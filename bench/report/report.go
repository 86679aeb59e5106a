// Package report makes docs/benchmarks.md and its charts of what the suites have measured.
package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
)

// Suites are what has been measured; nil where a suite has not been run.
type Suites struct{ Speed, Correct, Load, Scale, Signin *result.Suite }

// Load reads results/*.json.
func Load() (s Suites, err error) {
	for name, into := range map[string]**result.Suite{"speed": &s.Speed, "correct": &s.Correct, "load": &s.Load, "scale": &s.Scale, "signin": &s.Signin} {
		suite, e := result.Load(name)
		if e != nil && !errors.Is(e, fs.ErrNotExist) {
			return s, e
		}
		if e == nil {
			*into = suite
		}
	}
	return s, nil
}

// Write makes dir/benchmarks.md, and the charts in dir/benchmarks.
func Write(dir string, s Suites) error {
	charts := filepath.Join(dir, "benchmarks")
	if err := os.MkdirAll(charts, 0o755); err != nil {
		return err
	}
	if err := draw(charts, s); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "benchmarks.md"), []byte(Page(s)), 0o644)
}

// Page is the text of the page.
func Page(s Suites) string {
	p := &page{}
	p.add(`# Benchmarks

<!-- Made by "make bench". Do not edit. -->

The same work on coatcheck and on the session libraries that Go teams use today, each in the version named at the
end and with its own defaults, beside the bare framework. `)
	p.add("To repeat it, with the servers that are installed: `make bench`, about an hour. Nothing else should run meanwhile; ratios repeat better than times.\n\n")
	p.inShort(s)
	p.correct(s.Correct)
	p.speed(s.Speed)
	p.load(s.Load)
	p.scale(s.Scale)
	p.signin(s.Signin)
	p.losses(s)
	p.versions(s)
	return p.text.String()
}

type page struct{ text strings.Builder }

func (p *page) add(text string) { p.text.WriteString(text) }

func (p *page) addf(format string, args ...any) { fmt.Fprintf(&p.text, format, args...) }

// begin writes a headline, and says so where nothing was measured.
func (p *page) begin(title string, s *result.Suite) bool {
	p.addf("## %s\n\n", title)
	if s == nil || len(s.Rows) == 0 {
		p.add("Not measured on this machine.")
		if s != nil {
			p.add(" " + strings.Join(s.Notes, "; ") + ".")
		}
		p.add("\n\n")
		return false
	}
	return true
}

func (p *page) notes(s *result.Suite) {
	for _, note := range s.Notes {
		p.addf("- %s\n", note)
	}
	p.addf("- `%s`, %s, %s\n\n", s.Command, s.Time.Format("2006-01-02"), s.Machine)
}

func (p *page) table(head []string, rows [][]string) {
	line := func(cells []string) { p.add("| " + strings.Join(cells, " | ") + " |\n") }
	line(head)
	rule := make([]string, len(head))
	for i := range rule {
		rule[i] = "---"
	}
	line(rule)
	for _, row := range rows {
		line(row)
	}
	p.add("\n")
}

func (p *page) versions(s Suites) {
	p.add("## Versions\n\n")
	seen := map[string]bool{}
	for _, suite := range []*result.Suite{s.Speed, s.Correct, s.Load, s.Scale, s.Signin} {
		if suite == nil {
			continue
		}
		for _, row := range suite.Rows {
			if text := name(row) + " " + row.Version; row.Version != "" && !peer.IsFloor(row.Library) && !seen[text] {
				seen[text] = true
			}
		}
	}
	var list []string
	for text := range seen {
		list = append(list, "- "+strings.Replace(text, "(devel)", "of this repository", 1)+"\n")
	}
	slices.Sort(list)
	p.add(strings.Join(list, ""))
}

// name is the library, or the framework alone.
func name(row result.Row) string {
	if row.Library == "" {
		return row.Framework
	}
	return row.Library
}

// distinct returns the values of key, each once, in the order of the rows.
func distinct(rows []result.Row, key func(result.Row) string) []string {
	var list []string
	for _, row := range rows {
		if k := key(row); !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}

func caseOf(row result.Row) string  { return row.Case }
func storeOf(row result.Row) string { return row.Store }

// who is a line of a table: a library on a framework.
func who(row result.Row) string {
	if row.Framework == "" || strings.HasPrefix(row.Library, row.Framework) {
		return name(row)
	}
	if row.Library == "" {
		return row.Framework
	}
	return row.Library + " on " + row.Framework
}

func isOurs(library string) bool { return strings.HasPrefix(library, "coatcheck") }

// ns writes nanoseconds as a person would.
func ns(x float64) string {
	switch {
	case x < 30:
		return "0"
	case x < 1000:
		return fmt.Sprintf("%.0f ns", x)
	case x < 10_000:
		return fmt.Sprintf("%.1f µs", x/1000)
	case x < 1_000_000:
		return fmt.Sprintf("%.0f µs", x/1000)
	case x < 1e9:
		return fmt.Sprintf("%.1f ms", x/1e6)
	}
	return fmt.Sprintf("%.1f s", x/1e9)
}
