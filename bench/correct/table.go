package correct

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/coatcheck-go/coatcheck/bench/result"
)

// Print writes the suite as a table, a line for each App.
func Print(w io.Writer, s *result.Suite) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "library\tframework\tstore")
	for _, c := range cases {
		fmt.Fprint(table, "\t", c.name)
	}
	var apps []string
	verdicts := map[string]map[string]string{}
	for _, row := range s.Rows {
		app := row.Library + "\t" + row.Framework + "\t" + row.Store
		if verdicts[app] == nil {
			apps, verdicts[app] = append(apps, app), map[string]string{}
		}
		verdicts[app][row.Case] = row.Text["verdict"]
	}
	for _, app := range apps {
		fmt.Fprint(table, "\n", app)
		for _, c := range cases {
			fmt.Fprint(table, "\t", cmp.Or(verdicts[app][c.name], "?")) // a note says why
		}
	}
	fmt.Fprintln(table)
	_ = table.Flush()
	for _, note := range s.Notes {
		fmt.Fprintln(w, "note:", note)
	}
}
