package repocheck

import (
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// link is a Markdown link or image; what is within code is no link.
var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	inline = regexp.MustCompile("`[^`\n]*`")
)

// TestLinksLead: each relative link of a Markdown file leads to a file or folder of the repository, and its anchor to a
// heading there.
func TestLinksLead(t *testing.T) {
	r := open(t)
	texts, exists := map[string]string{}, map[string]bool{".": true}
	for _, f := range r.files {
		texts[f.path] = string(f.text)
		for p := f.path; p != "."; p = path.Dir(p) {
			exists[p] = true
		}
	}
	for file, text := range texts {
		if path.Ext(file) != ".md" {
			continue
		}
		for _, found := range link.FindAllStringSubmatch(inline.ReplaceAllString(prose(text), ""), -1) {
			target, anchor, anchored := strings.Cut(found[1], "#")
			if strings.Contains(found[1], "://") || strings.HasPrefix(found[1], "mailto:") {
				continue
			}
			to := file
			if target != "" {
				to = path.Join(path.Dir(file), target)
			}
			switch {
			case !exists[to]:
				t.Errorf("%s: the link to %s leads nowhere", file, found[1])
			case anchored && !anchors(texts[to])[anchor]:
				t.Errorf("%s: the link to %s names no heading", file, found[1])
			}
		}
	}
}

// page is the path of a page, as comments and other texts name it.
var page = regexp.MustCompile(`\bdocs/[\w/-]+\.md\b`)

// TestPagesAreThere: each page that a comment, an error or a rule names by its path is in the repository.
func TestPagesAreThere(t *testing.T) {
	r := open(t)
	exists := map[string]bool{}
	for _, f := range r.files {
		exists[f.path] = true
	}
	seen := 0
	for _, f := range r.files {
		for _, name := range page.FindAllString(string(f.text), -1) {
			seen++
			if !exists[name] {
				t.Errorf("%s names %s, which is nowhere", f.path, name)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d names were found", seen)
	}
}

// prose is a Markdown text without its blocks of code.
func prose(text string) string {
	var b strings.Builder
	code := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
		} else if !code {
			b.WriteString(line)
		}
	}
	return b.String()
}

// anchors are the names that GitHub gives to headings.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(prose(text)) {
		title := strings.TrimLeft(line, "#")
		if level := len(line) - len(title); level == 0 || level > 6 || !strings.HasPrefix(title, " ") {
			continue
		}
		name := strings.Map(func(c rune) rune {
			switch {
			case c == ' ':
				return '-'
			case c == '-' || c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c):
				return unicode.ToLower(c)
			}
			return -1
		}, strings.TrimSpace(title))
		unique := name
		for n := 1; found[unique]; n++ {
			unique = name + "-" + strconv.Itoa(n)
		}
		found[unique] = true
	}
	return found
}
