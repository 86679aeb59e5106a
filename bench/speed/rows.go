package speed

import (
	"math"
	"slices"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
)

// rows makes the suite's rows, in the order of apps and cases. A bare framework has p10_ns and
// median_ns, all others own_p10_ns and own_median_ns; bytes and allocs, for one request, are
// beyond those of the bare framework too.
func rows(apps []peer.App, jobs []*job) []result.Row {
	type place struct{ library, framework, store, name string }
	found := map[place]*job{}
	for _, j := range jobs {
		slices.Sort(j.times)
		found[place{j.app.Library, j.app.Framework, j.app.Store, j.name}] = j
	}
	var out []result.Row
	for _, app := range apps {
		for _, c := range cases {
			j := found[place{app.Library, app.Framework, app.Store, c.name}]
			if j == nil {
				continue
			}
			row := result.Row{Library: app.Library, Version: result.Version(app.Module), Framework: app.Framework, Store: app.Store, Case: c.name}
			bare := found[place{"", app.Framework, "", c.name}]
			if app.Library == "" || bare == nil {
				row.Metrics = map[string]float64{"p10_ns": j.at(.1), "median_ns": j.at(.5), "bytes": round(j.bytes), "allocs": round(j.allocs)}
			} else {
				row.Metrics = map[string]float64{
					"own_p10_ns":    round(j.at(.1) - bare.at(.1)),
					"own_median_ns": round(j.at(.5) - bare.at(.5)),
					"bytes":         round(j.bytes - bare.bytes),
					"allocs":        round(j.allocs - bare.allocs),
				}
			}
			out = append(out, row)
		}
	}
	for i := range out {
		compare(&out[i], out)
	}
	return out
}

// at returns the part q of the sorted times.
func (j *job) at(q float64) float64 {
	if len(j.times) == 0 {
		return 0
	}
	return round(j.times[int(q*float64(len(j.times)))])
}

func round(x float64) float64 { return math.Round(x) }

// compare adds the ratios of one row: of_raw is own cost in own costs of the raw client calls
// on the same store; best_peer, in coatcheck's rows, is the own cost of the cheapest other
// library on the same store, on the same framework if there is one, in own costs of this row; of_least is own cost in
// own costs of the least code on the same store, where that is measured on the same framework.
func compare(row *result.Row, all []result.Row) {
	own := row.Metrics["own_p10_ns"]
	if row.Library == "" || row.Library == "raw" || own < smallest {
		return
	}
	var best *result.Row
	for i := range all {
		other := &all[i]
		if other.Store != row.Store || other.Case != row.Case || other.Library == "" || other.Library == row.Library || ours(other.Library) {
			continue
		}
		switch other.Library {
		case "raw":
			row.Metrics["of_raw"] = hundredths(own / other.Metrics["own_p10_ns"])
		case peer.Least:
			if other.Framework == row.Framework {
				row.Metrics["of_least"] = hundredths(own / other.Metrics["own_p10_ns"])
			}
		}
		if peer.IsFloor(other.Library) {
			continue
		}
		same, bestSame := other.Framework == row.Framework, best != nil && best.Framework == row.Framework
		if best == nil || same && !bestSame || same == bestSame && other.Metrics["own_p10_ns"] < best.Metrics["own_p10_ns"] {
			best = other
		}
	}
	if ours(row.Library) && best != nil && best.Metrics["own_p10_ns"] >= smallest {
		row.Metrics["best_peer"] = hundredths(best.Metrics["own_p10_ns"] / own)
		row.Text = map[string]string{"best_peer": best.Library + " on " + best.Framework}
	}
}

// smallest is the own cost, in ns, below which a ratio says nothing.
const smallest = 30

func hundredths(x float64) float64 { return math.Round(x*100) / 100 }
