package speed

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
)

// Print writes one aligned table for each store, and the notes.
func Print(w io.Writer, s *result.Suite) {
	fmt.Fprintln(w, s.Machine)
	fmt.Fprintln(w, "own cost p10 (median), bytes/allocs; for bare frameworks all of it, without a session")
	var stores []string
	for _, row := range s.Rows {
		if !slices.Contains(stores, row.Store) {
			stores = append(stores, row.Store)
		}
	}
	for _, store := range stores {
		title := store
		if store == "" {
			title = "bare"
		}
		fmt.Fprintf(w, "\n%s\n", title)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprint(t, "library\tframework")
		for _, c := range cases {
			fmt.Fprint(t, "\t", c.name)
		}
		lines(t, s.Rows, store, cell)
		lines(t, s.Rows, store, metric("best_peer", "best peer / ", "x%.2f", ours))
		has := func(key string) bool {
			return slices.ContainsFunc(s.Rows, func(row result.Row) bool { return row.Store == store && row.Metrics[key] > 0 })
		}
		if has("of_raw") {
			lines(t, s.Rows, store, metric("of_raw", "own / raw: ", "x%.2f", session))
		}
		if has("of_least") {
			lines(t, s.Rows, store, metric("of_least", "own / least code: ", "x%.2f", session))
		}
		if has("round_trips") {
			lines(t, s.Rows, store, metric("round_trips", "round trips: ", "%.0f", session))
		}
		fmt.Fprintln(t)
		t.Flush()
	}
	for _, note := range s.Notes {
		fmt.Fprintln(w, "note:", note)
	}
}

// lines writes a line for each library and framework for which show has something.
func lines(t io.Writer, rows []result.Row, store string, show func(result.Row) (title, text string)) {
	last := ""
	for _, row := range rows {
		title, text := show(row)
		if row.Store != store || title == "" {
			continue
		}
		if head := title + "\t" + row.Framework; head != last {
			fmt.Fprint(t, "\n", head)
			if row.Library == "raw" {
				fmt.Fprint(t, "\t\t") // it has no A and B
			}
			last = head
		}
		fmt.Fprint(t, "\t", text)
	}
}

func cell(row result.Row) (title, text string) {
	m, key := row.Metrics, "own_"
	if row.Library == "" {
		key = ""
	}
	title = row.Library
	if title == "" {
		title = "-"
	}
	return title, fmt.Sprintf("%s (%s) %.0f/%.0f", duration(m[key+"p10_ns"]), duration(m[key+"median_ns"]), m["bytes"], m["allocs"])
}

// metric shows one metric of the rows for which of is true, and a dash where there is none.
func metric(key, label, format string, of func(library string) bool) func(result.Row) (title, text string) {
	return func(row result.Row) (title, text string) {
		if !of(row.Library) {
			return "", ""
		}
		if x, found := row.Metrics[key]; found {
			return label + row.Library, fmt.Sprintf(format, x)
		}
		return label + row.Library, "-"
	}
}

func ours(library string) bool    { return strings.HasPrefix(library, "coatcheck") }
func session(library string) bool { return library != "" && !peer.IsFloor(library) }

// duration is short: 142, 5.43k, 1.2M, in ns.
func duration(ns float64) string {
	switch {
	case ns < 1e4:
		return fmt.Sprintf("%.0f", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.1fk", ns/1e3)
	}
	return fmt.Sprintf("%.2fM", ns/1e6)
}
