package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
)

// A contest is a metric by which libraries are compared.
type contest struct {
	metric      string
	bigIsBetter bool
	text        func(float64) string
}

var (
	byCost  = contest{"own_p10_ns", false, ns}
	byShare = contest{"of_bare", true, func(x float64) string { return fmt.Sprintf("%.0f %% of bare", 100*x) }}
	byScale = []struct {
		title string
		contest
	}{
		{"memory beside the payload", contest{"bytes_beside_payload", false, inBytes}},
		{"read p50", contest{"read_p50_us", false, inMicros}},
		{"read p99", contest{"read_p99_us", false, inMicros}},
		{"worst read during removal", contest{"worst_read_ms", false, inMillis}},
	}
)

func inMicros(x float64) string  { return ns(x * 1e3) }
func inMillis(x float64) string  { return ns(x * 1e6) }
func inSeconds(x float64) string { return ns(x * 1e9) }
func inBytes(x float64) string   { return fmt.Sprintf("%.0f bytes", x) }

// losses names everything in which another library did better than coatcheck over the same kind of
// store. It is compared with coatcheck on its own framework, or where there is none, with
// coatcheck's weakest adapter.
func (p *page) losses(s Suites) {
	p.add("## Where coatcheck is not the fastest\n\n")
	var list [][]string
	measured := false
	if s.Speed != nil {
		measured = true
		list = append(list, lost(s.Speed.Rows, byCost, func(row result.Row) string { return "own cost, case " + row.Case })...)
	}
	if s.Load != nil && len(s.Load.Rows) > 0 {
		measured = true
		list = append(list, lost(s.Load.Rows, byShare, func(row result.Row) string { return "throughput, case " + row.Case })...)
	}
	if s.Scale != nil && len(s.Scale.Rows) > 0 {
		measured = true
		for _, by := range byScale {
			list = append(list, lost(s.Scale.Rows, by.contest, func(row result.Row) string { return by.title + ", " + thousands(row.Case) + " sessions" })...)
		}
	}
	switch {
	case !measured:
		p.add("Not measured on this machine.\n\n")
		return
	case list == nil:
		p.add("Nowhere in this run.\n\n")
		return
	}
	p.add("Every figure of this run in which another library did better, however little; a small difference may come out the other way in the next one.\n\n")
	p.table([]string{"store", "what", "better", "its figure", "coatcheck's", "least code's"}, list)
	p.add(`What the least code needs that keeps coatcheck's promises is the floor: a library below it does not keep them.
Gorilla and Fiber v2 have no middleware, so a page that does not ask for its session costs them nothing (A, B). By default coatcheck's files
are synced to the disk before a response says that they are saved; the others' are not, and with sync=ends neither are coatcheck's, but for the end of
a session.

`)
}

func lost(rows []result.Row, by contest, what func(result.Row) string) (list [][]string) {
	for _, other := range rows {
		theirs, ok := other.Metrics[by.metric]
		if !ok || other.Library == "" || peer.IsFloor(other.Library) || isOurs(other.Library) {
			continue
		}
		for _, library := range []string{"coatcheck", peer.SyncEnds} {
			ours, found := opponent(rows, other, by, library)
			if !found || theirs == ours || by.bigIsBetter != (theirs > ours) {
				continue
			}
			text := by.text(ours) + strings.TrimPrefix(library, "coatcheck")
			list = append(list, []string{other.Store, what(other), who(other), by.text(theirs), text, floor(rows, other, by)})
		}
	}
	return list
}

// floor is the figure of the least code in the place of other, on its framework or else on net/http; "" if there is none.
func floor(rows []result.Row, other result.Row, by contest) (text string) {
	for _, row := range rows {
		x, ok := row.Metrics[by.metric]
		same := row.Framework == other.Framework
		if ok && row.Library == peer.Least && row.Store == other.Store && row.Case == other.Case && (same || text == "" && row.Framework == "net/http") {
			text = by.text(x)
		}
	}
	return text
}

// opponent is the figure of our library that another one's is compared with.
func opponent(rows []result.Row, other result.Row, by contest, library string) (x float64, found bool) {
	for _, row := range rows {
		ours, ok := row.Metrics[by.metric]
		if !ok || row.Library != library || row.Store != other.Store || row.Case != other.Case {
			continue
		}
		if row.Framework == other.Framework {
			return ours, true
		}
		if weaker := ours > x; !found || by.bigIsBetter != weaker {
			x, found = ours, true
		}
	}
	return x, found
}

// thousands puts commas into a number: "1,000,000".
func thousands(digits string) string {
	if _, err := strconv.Atoi(digits); err != nil {
		return digits
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
