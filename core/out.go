package core

import (
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
)

// Out is what a response has to carry. The zero value changes nothing. Adapters call Apply.
type Out struct {
	// Name and Value are a header line to add: "Set-Cookie", or the header that answers one of Config.Sources. Name is
	// "" if there is none.
	Name  string
	Value string `json:"-"` // may be a token

	// Vary are the members that the Vary header must have, separated by commas; "" if none.
	Vary string

	// More has further lines: the deletions of Adoption.Forget and, where Commit failed, what managers mounted inside have
	// stored and cannot take back. The response that replaces theirs has to carry these lines, too.
	More []Out
}

// Format keeps the token out of a printed Out, for every verb. In an unexported field of another struct fmt cannot call it.
func (o Out) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "coatcheck.Out("+o.Name+")") }

// Lines returns the names and values of all header lines, those of More included.
func (o Out) Lines() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) { o.each(yield) }
}

func (o Out) each(yield func(name, value string) bool) bool {
	if o.Name != "" && !yield(o.Name, o.Value) {
		return false
	}
	for _, more := range o.More {
		if !more.each(yield) {
			return false
		}
	}
	return true
}

// Header is the header of a response. http.Header is one; frameworks that are not on net/http wrap theirs.
type Header interface {
	Values(name string) []string // all lines of this name
	Add(name, value string)      // adds a line
	Set(name, value string)      // replaces all lines of this name by one
}

// Apply puts o into h. A response with a token must not be stored by a shared cache (OWASP, Session Management Cheat
// Sheet), so it gets "Cache-Control: no-store" unless it has that or "private" already.
func (o Out) Apply(h Header) {
	o.applyOwn(h)
	for _, more := range o.More { // last: curl 7.88 ignores the deletion of a cookie that comes before another cookie
		more.Apply(h)
	}
}

func (o Out) applyOwn(h Header) {
	if standard, ok := h.(http.Header); ok {
		o.apply(standard)
		return
	}
	if missing := lacking(h.Values("Vary"), o.Vary); missing != "" {
		h.Add("Vary", missing)
	}
	if o.Name == "" {
		return
	}
	h.Add(o.Name, o.Value)
	if !uncached(h.Values("Cache-Control")) {
		h.Set("Cache-Control", "no-store")
	}
}

// apply is Apply for net/http, in one allocation.
func (o Out) apply(h http.Header) {
	vary := lacking(h["Vary"], o.Vary)
	if o.Name == "" {
		if vary != "" {
			h["Vary"] = append(h["Vary"], vary)
		}
		return
	}
	lines := &[3]string{vary, o.Value, "no-store"} // what most responses lack
	if vary != "" {
		add(h, "Vary", lines[:1:1])
	}
	add(h, o.Name, lines[1:2:2])
	if !uncached(h["Cache-Control"]) {
		h["Cache-Control"] = lines[2:]
	}
}

func add(h http.Header, name string, line []string) {
	if present := h[name]; present != nil {
		line = append(present, line...)
	}
	h[name] = line
}

// lacking returns those of the members, separated by commas, that a list of names such as the lines of Vary lacks.
func lacking(lines []string, members string) string {
	if len(lines) == 0 || members == "" {
		return members
	}
	var missing []string
	for m := range strings.SplitSeq(members, ", ") {
		if !hasMember(lines, m) {
			missing = append(missing, m)
		}
	}
	return strings.Join(missing, ", ")
}

// hasMember reports whether a list of names, such as the lines of Vary, has the member, or "*".
func hasMember(lines []string, member string) bool {
	for _, line := range lines {
		for m := range strings.SplitSeq(line, ",") {
			if m = strings.TrimSpace(m); strings.EqualFold(m, member) || m == "*" {
				return true
			}
		}
	}
	return false
}

// uncached reports whether lines of Cache-Control keep shared caches from storing the response: with no-store, or
// with private for all of it. A comma within quotes does not separate directives (RFC 9111, section 5.2).
func uncached(lines []string) bool {
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
