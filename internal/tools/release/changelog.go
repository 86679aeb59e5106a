package main

import (
	"errors"
	"fmt"
	"strings"
)

const unreleased = "Unreleased"

// section finds "## [name] ..." of a changelog: where its heading begins, where its body begins, and where the next one
// does.
func section(text, name string) (heading, body, end int, found bool) {
	at := strings.Index("\n"+text, "\n## ["+name+"]")
	if at < 0 {
		return 0, 0, 0, false
	}
	body = len(text)
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		body = at + n + 1
	}
	end = len(text)
	if n := strings.Index("\n"+text[body:], "\n## "); n >= 0 {
		end = body + n
	}
	return at, body, end, true
}

// entries are what a section says.
func entries(text, name string) string {
	_, body, end, _ := section(text, name)
	return strings.TrimSpace(text[body:end])
}

// headingOf is the line above a version's section.
func headingOf(version, date string) string {
	return fmt.Sprintf("## [%s] - %s", strings.TrimPrefix(version, "v"), date)
}

// released moves what stands under Unreleased into a section of the version. Done again, it sets the date and no more.
func released(text, version, date string) (string, error) {
	_, body, end, found := section(text, unreleased)
	if !found {
		return "", errors.New("CHANGELOG.md has no section \"## [Unreleased]\": add an empty one on top")
	}
	number := strings.TrimPrefix(version, "v")
	if at, below, _, again := section(text, number); again {
		if entries(text, unreleased) != "" {
			return "", fmt.Errorf("CHANGELOG.md has something under Unreleased and under %s: move the one into the other", number)
		}
		return text[:at] + headingOf(version, date) + "\n" + text[below:], nil
	}
	said := entries(text, unreleased)
	if said == "" {
		said = nothing
	}
	rest := text[end:]
	if rest != "" {
		rest = "\n" + rest
	}
	return text[:body] + "\n" + headingOf(version, date) + "\n\n" + said + "\n" + rest, nil
}

// nothing is the section of a version that has no entry. Whoever releases it sees the line in the diff.
const nothing = "Nothing that users notice."
