package storetest

import (
	"fmt"
	"strings"
	"testing"
)

// ReportHead returns the head of the table whose rows Report returns.
func ReportHead() string {
	head, line := "| Store |", "|---|"
	for _, a := range abilities {
		head += " " + a.name + " |"
		line += ":-:|"
	}
	return head + " Records seen by | Largest Data |\n" + line + "---|---|\n"
}

// Report returns one row of the table of stores, in Markdown: which abilities the store has, and its limits.
func Report(tb testing.TB, h Harness) string {
	e := newEnv(tb, h)
	info := e.a.Info()
	var row strings.Builder
	fmt.Fprintf(&row, "| %s |", info.Name)
	for _, a := range abilities {
		if a.in(abilitiesOf(e.a)) {
			row.WriteString(" yes |")
		} else {
			row.WriteString(" - |")
		}
	}
	seen, largest := "all servers", "1 MiB or more"
	if info.Local {
		seen = "this process"
	}
	if h.MaxData > 0 {
		largest = fmt.Sprintf("%d bytes", h.MaxData)
	}
	fmt.Fprintf(&row, " %s | %s |\n", seen, largest)
	return row.String()
}
