package repocheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var runbook = regexp.MustCompile(`runbook_url: (\S+)#(\S+)`)

// Whoever is called at night follows the alert's link: the section is there.
func TestEveryAlertHasARunbook(t *testing.T) {
	r := open(t)
	rules, err := os.ReadFile(filepath.Join(r.root, "deploy", "prometheus", "rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	links := runbook.FindAllStringSubmatch(string(rules), -1)
	if len(links) == 0 || len(links) != strings.Count(string(rules), "- alert: ") {
		t.Errorf("%d links to runbooks for %d alerts", len(links), strings.Count(string(rules), "- alert: "))
	}
	for _, link := range links {
		text, err := os.ReadFile(filepath.Join(r.root, filepath.FromSlash(link[1])))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for line := range strings.Lines(string(text)) {
			heading := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
			found = found || strings.HasPrefix(line, "#") && strings.ReplaceAll(heading, " ", "-") == link[2]
		}
		if !found {
			t.Errorf("%s has no heading for #%s", link[1], link[2])
		}
	}
}
