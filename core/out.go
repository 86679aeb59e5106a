package core

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Out is what a response has to carry. The zero value changes nothing.
type Out struct {
	// Name and Value are a header line to add: "Set-Cookie", or Config.TokenHeader. Name is
	// "" if there is none.
	Name  string
	Value string `json:"-"` // may be a token

	// Vary is a member that the Vary header must have, "" if none.
	Vary string

	// Inner is what managers mounted inside have stored, and cannot take back, where Commit failed: the
	// response that takes the place of theirs has to carry it, too.
	Inner []Out
}

// Format keeps the token out of a printed Out, whatever the verb.
func (o Out) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "coatcheck.Out("+o.Name+")") }

// Apply puts o into h, for frameworks on net/http. A response with a token must not be
// stored by a shared cache (OWASP, Session Management Cheat Sheet).
func (o Out) Apply(h http.Header) {
	for _, inner := range o.Inner {
		inner.Apply(h)
	}
	vary := o.Vary != "" && !HasMember(h["Vary"], o.Vary)
	if o.Name == "" {
		if vary {
			h["Vary"] = append(h["Vary"], o.Vary)
		}
		return
	}
	lines := &[3]string{o.Vary, o.Value, "no-store"} // one allocation for what most responses lack
	if vary {
		add(h, "Vary", lines[:1:1])
	}
	add(h, o.Name, lines[1:2:2])
	if !Uncached(h["Cache-Control"]) {
		h["Cache-Control"] = lines[2:]
	}
}

func add(h http.Header, name string, line []string) {
	if present := h[name]; present != nil {
		line = append(present, line...)
	}
	h[name] = line
}

// HasMember reports whether a list of names, such as the lines of Vary, has the member, or "*".
func HasMember(lines []string, member string) bool {
	for _, line := range lines {
		for m := range strings.SplitSeq(line, ",") {
			if m = strings.TrimSpace(m); strings.EqualFold(m, member) || m == "*" {
				return true
			}
		}
	}
	return false
}

// Uncached reports whether lines of Cache-Control keep shared caches from storing the response: with no-store, or
// private for all of it. Commas within quotes are none between directives (RFC 9111, section 5.2).
func Uncached(lines []string) bool {
	for _, line := range lines {
		for line != "" {
			end, quoted := 0, false
			for ; end < len(line) && (quoted || line[end] != ','); end++ {
				if line[end] == '"' {
					quoted = !quoted
				}
			}
			d := strings.TrimSpace(line[:end])
			if strings.EqualFold(d, "no-store") || strings.EqualFold(d, "private") {
				return true
			}
			line = line[min(end+1, len(line)):]
		}
	}
	return false
}
