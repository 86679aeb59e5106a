package recorder

import (
	"bytes"
	"fmt"
	"regexp"
	"runtime"
	"strings"
)

// maxStacks is how many bytes of stacks a failure shows: enough for a rule, its workers and the calls below them.
const maxStacks = 16 << 10

var (
	number  = regexp.MustCompile(`^goroutine (\d+)`)
	creator = regexp.MustCompile(`(?m)^created by .* in goroutine (\d+)$`)
	args    = regexp.MustCompile(`(?m)^([^\t\n].*)\([^()\n]*\)$`) // of a call: the line after it begins with a tab
)

// goroutine returns the number of the goroutine that calls it.
func goroutine() string {
	var buf [64]byte
	return first(number, string(buf[:runtime.Stack(buf[:], false)]))
}

// stacksBelow returns the stacks of all goroutines but the caller's. The one with this number and those that it has
// started, directly or not, come first. There are no arguments: they say little, and a short array among them is shown
// with its contents.
func stacksBelow(root string) string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	all := strings.Split(string(bytes.TrimSpace(buf)), "\n\n")[1:]
	own := map[string]bool{}
	var ours []string
	for more := true; more; { // a goroutine may stand before the one that has started it
		more = false
		for i, stack := range all {
			id := first(number, stack)
			if stack != "" && (id == root || own[first(creator, stack)]) {
				own[id], more = true, true
				ours, all[i] = append(ours, stack), ""
			}
		}
	}
	var text strings.Builder
	left := 0
	for _, stack := range append(ours, all...) {
		stack = args.ReplaceAllString(stack, "$1(...)")
		switch {
		case stack == "":
		case text.Len()+len(stack) > maxStacks && text.Len() > 0:
			left++
		default:
			text.WriteString("\n" + stack[:min(len(stack), maxStacks)] + "\n")
		}
	}
	if left > 0 {
		fmt.Fprintf(&text, "\n... and %d more goroutines\n", left)
	}
	return text.String()
}

func first(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}
