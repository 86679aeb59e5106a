package repocheck

import (
	"path"
	"strings"
	"testing"
)

// TestGoBlocksAreReal: each Go block of a Markdown file is part of a Go file that CI compiles, and names it after the
// language, by its path from the repository's root:
//
//	```go examples/guides/forms_test.go
//
// The lines follow one another there, too; only their common indentation may differ. A line "// …" stands for lines
// that the page leaves out. A block that begins with "package" is the whole file. What cannot be compiled, such as a
// declaration without its body, is marked as "go text".
func TestGoBlocksAreReal(t *testing.T) {
	r := open(t)
	files := map[string]string{}
	for _, f := range r.files {
		files[f.path] = string(f.text)
	}
	blocks := 0
	for file, text := range files {
		if path.Ext(file) != ".md" {
			continue
		}
		for _, b := range goBlocks(text) {
			blocks++
			from, known := files[b.from]
			switch {
			case b.from == "text":
			case !known || path.Ext(b.from) != ".go":
				t.Errorf("%s:%d: a Go block names %q, which is no Go file of the repository: write ```go FILE, or ```go text", file, b.line, b.from)
			case strings.HasPrefix(b.text, "package "):
				if b.text != from {
					t.Errorf("%s:%d: the block is not %s: copy the one that is right over the other", file, b.line, b.from)
				}
			default:
				if at := missing(from, b.text); at > 0 {
					t.Errorf("%s:%d: the lines from here on are not in %s", file, b.line+at, b.from)
				}
			}
		}
	}
	if blocks < 20 {
		t.Errorf("only %d blocks were found", blocks)
	}
}

// goBlock is a fenced block of Go in a Markdown file.
type goBlock struct {
	from, text string
	line       int // of the fence
}

func goBlocks(text string) (blocks []goBlock) {
	var open *goBlock
	fence, n := "", 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		switch {
		case fence == "" && len(words) > 0 && strings.HasPrefix(words[0], "```"):
			fence = "```"
			if words[0] == "```go" {
				blocks = append(blocks, goBlock{from: strings.Join(words[1:], " "), line: n})
				open = &blocks[len(blocks)-1]
			}
		case fence != "" && strings.TrimSpace(line) == fence:
			fence, open = "", nil
		case open != nil:
			open.text += line
		}
	}
	return blocks
}

// missing returns the number of the block's first line from which on the file does not go on like the block; 0 if the
// whole block is there.
func missing(file, block string) int {
	in, n, rest := strings.Split(file, "\n"), 1, 0
	for part := range strings.SplitSeq(block, "// …\n") {
		lines := strings.Split(strings.TrimRight(part, " \t\n"), "\n")
		if strings.TrimSpace(part) != "" {
			at := find(in[rest:], lines)
			if at < 0 {
				return n
			}
			rest += at + len(lines)
		}
		n += strings.Count(part, "\n") + 1
	}
	return 0
}

// find returns where the lines are in the file, whatever their common indentation; -1 if they are not.
func find(file, lines []string) int {
	lines = dedent(lines)
	for i := 0; i+len(lines) <= len(file); i++ {
		if equal(dedent(file[i:i+len(lines)]), lines) {
			return i
		}
	}
	return -1
}

func equal(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// dedent removes the tabs that all lines with text begin with.
func dedent(lines []string) []string {
	least := -1
	for _, line := range lines {
		if tabs := len(line) - len(strings.TrimLeft(line, "\t")); strings.TrimSpace(line) != "" && (least < 0 || tabs < least) {
			least = tabs
		}
	}
	out := make([]string, len(lines))
	for i, line := range lines {
		if strings.TrimSpace(line) != "" {
			out[i] = line[least:]
		}
	}
	return out
}

func TestMissing(t *testing.T) {
	const file = "package a\n\nfunc f() {\n\tif x {\n\t\tg()\n\n\t\th()\n\t}\n\ti()\n}\n"
	for block, want := range map[string]int{
		"if x {\n\tg()\n\n\th()\n}\n":      0,
		"\t\tg()\n\n\t\th()\n":             0,
		"if x {\n\t// …\n}\ni()\n":         0,
		"func f() {\n\t// …\n\ti()\n}\n":   0,
		"if x {\n\th()\n":                  1,
		"g()\nh()\n":                       1,
		"i()\n// …\ng()\n":                 3,
		"if x {\n\t\tg()\n":                1, // other indentation
		"if x {\n\tg()\n\n\th()\n}\nj()\n": 1,
	} {
		if got := missing(file, block); got != want {
			t.Errorf("%q: line %d, want %d", block, got, want)
		}
	}
}
