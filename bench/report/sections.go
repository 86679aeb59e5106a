package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
)

func (p *page) inShort(s Suites) {
	var lines []string
	if s.Speed != nil {
		for _, c := range []struct{ name, what string }{{"C", "reading one value"}, {"D", "reading one and writing one"}} {
			ours, peer := best(s.Speed.Rows, "memory", c.name, true), best(s.Speed.Rows, "memory", c.name, false)
			if ours != nil && peer != nil {
				lines = append(lines, fmt.Sprintf("- In memory, %s costs a request **%s** (%s), and %s with the cheapest other library (%s).\n", c.what,
					ns(ours.Metrics["own_p10_ns"]), who(*ours), ns(peer.Metrics["own_p10_ns"]), who(*peer)))
			}
		}
	}
	if s.Load != nil {
		ours, peer := share(s.Load.Rows, "D", true), share(s.Load.Rows, "D", false)
		if ours > 0 && peer > 0 {
			lines = append(lines, fmt.Sprintf("- With a page that reads and writes its session, a server keeps **%.0f %%** of the bare framework's throughput; with other libraries %.0f %% at best.\n", 100*ours, 100*peer))
		}
	}
	if s.Correct != nil {
		if ours, others, silent := kept(s.Correct.Rows); ours > 0 {
			line := fmt.Sprintf("- Of 64 requests that write to one session at once, **%.0f** are kept; with other libraries %.0f at most", ours, others)
			if silent {
				line += ", and every response says 200"
			}
			lines = append(lines, line+".\n")
		}
	}
	if lines != nil {
		p.add("## In short\n\n" + strings.Join(lines, "") + "\n")
	}
}

// best is the cheapest row of a store and case, ours or another's.
func best(rows []result.Row, store, name string, ours bool) *result.Row {
	var found *result.Row
	for i, row := range rows {
		if row.Store != store || row.Case != name || row.Library == "" || peer.IsFloor(row.Library) || isOurs(row.Library) != ours {
			continue
		}
		if found == nil || row.Metrics["own_p10_ns"] < found.Metrics["own_p10_ns"] {
			found = &rows[i]
		}
	}
	return found
}

// share is the largest share of the bare framework's throughput over memory; ours is the smallest
// of our adapters.
func share(rows []result.Row, name string, ours bool) (x float64) {
	for _, row := range rows {
		of := row.Metrics["of_bare"]
		if row.Store != "memory" || row.Case != name || row.Library == "" || peer.IsFloor(row.Library) || isOurs(row.Library) != ours {
			continue
		}
		if x == 0 || ours == (of < x) {
			x = of
		}
	}
	return x
}

// kept is how many of 64 writes are left: the fewest of our server-side stores, the most of
// others. silent: no request was told that its write was lost.
func kept(rows []result.Row) (ours, others float64, silent bool) {
	silent = true
	for _, row := range rows {
		n, counted := row.Metrics["kept"]
		switch {
		case !counted || row.Store == "cookie":
		case !isOurs(row.Library):
			others = max(others, n)
			silent = silent && row.Metrics["refused"] == 0
		case ours == 0 || n < ours:
			ours = n
		}
	}
	return ours, others, silent
}

func (p *page) correct(s *result.Suite) {
	if !p.begin("What gets lost", s) {
		return
	}
	p.add(`Over real HTTP: 64 requests at once, each writing its own key to one session; a logout while a slow request
is under way; a thousand made-up cookies; a store that refuses a save, and one that is gone. A cookie store keeps nothing on the server, so of
overlapping responses the last one wins, with every library.

`)
	cases := distinct(s.Rows, caseOf)
	at := map[string]map[string]string{}
	key := func(row result.Row) string { return who(row) + "\x00" + row.Store }
	for _, row := range s.Rows {
		if at[key(row)] == nil {
			at[key(row)] = map[string]string{}
		}
		at[key(row)][row.Case] = row.Text["verdict"]
	}
	var lines [][]string
	for _, k := range distinct(s.Rows, key) {
		name, store, _ := strings.Cut(k, "\x00")
		line := []string{bold(name), store}
		for _, c := range cases {
			line = append(line, at[k][c])
		}
		lines = append(lines, line)
	}
	p.table(append([]string{"library", "store"}, cases...), lines)
	p.notes(s)
}

func bold(who string) string {
	if strings.HasPrefix(who, "coatcheck") {
		return "**" + who + "**"
	}
	return who
}

// explained is what the cases of the suite speed are.
const explained = `Own cost is what a request costs with the library beyond the same handler on the bare framework, in one process, without
a network: the tenth part of the batches that the machine disturbed least (p10), and the median. Sessions have five values, 261 bytes
as JSON. **A** no cookie, the handler does not ask for the session · **B** the same with a cookie · **C** one value read ·
**D** one read and one written · **E** a new session with one value · **F** C on all cores at once. A cost below 30 ns is shown
as 0: this machine does not tell it from none.

"raw" is the plain client of a server, which gets and sets one value. "least code" is no library: it is the least that
keeps the promises that cost something, as a floor for them ([the code](../bench/peer/least.go), 300 lines): a random token of which the hash is
stored, a deadline, a version that each save compares, a save before the header leaves, and a session in the request's context.
"1.20x raw" and "1.50x least" are own costs in theirs.

`

func (p *page) speed(s *result.Suite) {
	if !p.begin("Own cost of a request", s) {
		return
	}
	p.add(explained)
	cases := distinct(s.Rows, caseOf)
	for _, store := range distinct(s.Rows, storeOf) {
		if store == "" {
			continue
		}
		p.addf("### %s\n\n", store)
		if slices.Contains(charted, store) {
			p.addf("![own cost, %s](benchmarks/speed-%s.svg)\n\n", store, store)
		}
		p.table(append([]string{"p10 (median), bytes / allocations"}, cases...), speedLines(s.Rows, store, cases))
		if lines := tripLines(s.Rows, store, cases); lines != nil {
			p.table(append([]string{"round trips of a request"}, cases[:min(5, len(cases))]...), lines)
		}
	}
	p.notes(s)
}

func speedLines(rows []result.Row, store string, cases []string) [][]string {
	return lines(rows, store, cases, func(row result.Row) string {
		m := row.Metrics
		text := fmt.Sprintf("%s (%s), %.0f / %.0f", ns(m["own_p10_ns"]), ns(m["own_median_ns"]), m["bytes"], m["allocs"])
		if row.Library == "raw" {
			text = fmt.Sprintf("%s (%s)", ns(m["own_p10_ns"]), ns(m["own_median_ns"]))
		}
		if of := m["of_raw"]; of > 0 {
			text += fmt.Sprintf(", %.2fx raw", of)
		}
		if of := m["of_least"]; of > 0 && isOurs(row.Library) {
			text += fmt.Sprintf(", %.2fx least", of)
		}
		return text
	})
}

func tripLines(rows []result.Row, store string, cases []string) [][]string {
	some := false
	list := lines(rows, store, cases[:min(5, len(cases))], func(row result.Row) string {
		n, ok := row.Metrics["round_trips"]
		if !ok {
			return ""
		}
		some = true
		return fmt.Sprintf("%.0f", n)
	})
	if !some {
		return nil
	}
	return list
}

// lines makes a line for each library on a framework, with a cell for each case.
func lines(rows []result.Row, store string, cases []string, cell func(result.Row) string) [][]string {
	var list [][]string
	index := map[string]int{}
	for _, row := range rows {
		i := slices.Index(cases, row.Case)
		if row.Store != store || i < 0 {
			continue
		}
		at, ok := index[who(row)]
		if !ok {
			at = len(list)
			index[who(row)] = at
			list = append(list, append([]string{bold(who(row))}, make([]string, len(cases))...))
		}
		list[at][i+1] = cell(row)
	}
	return list
}

func (p *page) load(s *result.Suite) {
	if !p.begin("Throughput over HTTP", s) {
		return
	}
	p.add("![throughput beside the bare framework](benchmarks/load.svg)\n\n")
	cases := distinct(s.Rows, caseOf)
	for _, store := range distinct(s.Rows, storeOf) {
		title := "bare framework"
		if store != "" {
			title = store
		}
		p.table(append([]string{title}, cases...), lines(s.Rows, store, cases, func(row result.Row) string {
			text := fmt.Sprintf("%.0f/s", row.Metrics["per_second"])
			if of := row.Metrics["of_bare"]; of > 0 {
				text += fmt.Sprintf(", %.2f of bare", of)
			}
			return text
		}))
	}
	p.notes(s)
}

func (p *page) scale(s *result.Suite) {
	if !p.begin("From a thousand sessions to a million", s) {
		return
	}
	p.add("![worst read while half of the sessions are removed](benchmarks/scale-worst.svg)\n\n![median read](benchmarks/scale-read.svg)\n\n")
	if _, servers := byPlace(s.Rows); len(servers) > 0 {
		p.add("![median read of a server](benchmarks/scale-servers.svg)\n\n")
	}
	keys := []struct {
		key, title string
		text       func(float64) string
	}{
		{"bytes_beside_payload", "bytes beside the payload, a session", inBytes}, {"read_p50_us", "read p50", inMicros}, {"read_p99_us", "read p99", inMicros},
		{"worst_read_ms", "worst read during removal", inMillis}, {"sweep_s", "removal of half", inSeconds}, {"start_ms", "opening it full", inMillis},
		{"files", "files, a session", func(x float64) string { return fmt.Sprintf("%.0f", x) }},
	}
	head := []string{"store", "sessions"}
	for _, k := range keys {
		head = append(head, k.title)
	}
	var list [][]string
	for _, row := range s.Rows {
		line := []string{bold(row.Library + ", " + row.Store), thousands(row.Case)}
		for _, k := range keys {
			text := "–"
			if x, ok := row.Metrics[k.key]; ok {
				text = k.text(x)
			}
			line = append(line, text)
		}
		list = append(list, line)
	}
	slices.SortStableFunc(list, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	p.table(head, list)
	p.add("The bytes of memory and file are in this process; those of a server are what it holds. coatcheck's file store keeps one file for a session, and a second, empty one for a session with a user; its payload is not in memory.\n\n")
	p.notes(s)
}

func (p *page) signin(s *result.Suite) {
	if !p.begin("Sign-ins at a fixed rate", s) {
		return
	}
	p.add("Each time counts from the moment at which the sign-in was due, so a store that cannot keep up shows in it.\n\n")
	var list [][]string
	for _, row := range s.Rows {
		m := row.Metrics
		list = append(list, []string{row.Store, thousands(row.Case) + "/s", fmt.Sprintf("%.0f/s", m["per_second"]), inMillis(m["p50_ms"]), inMillis(m["p99_ms"]), fmt.Sprintf("%.0f", m["failed"])})
	}
	p.table([]string{"store", "offered", "sustained", "p50", "p99", "failed"}, list)
	p.notes(s)
}
