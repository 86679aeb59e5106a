// Package load measures the throughput of each App over loopback HTTP, with wrk, each App in a
// process of its own.
package load

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
)

const (
	connections = 32
	threads     = 2
	rounds      = 5
)

var cases = []struct{ name, path string }{{"C", peer.Read}, {"D", peer.Write}}

// Config says what Run measures.
type Config struct {
	Apps     []peer.App
	Each     time.Duration // one run of wrk, at least a second
	Progress func(line string)
}

// Run measures the bare frameworks and the Apps over memory and cookie: each in turn, in random
// order, several times; the median counts.
func Run(cfg Config) (*result.Suite, error) {
	suite := &result.Suite{Name: "load", Machine: result.Machine(), Time: time.Now().UTC(), Notes: []string{
		fmt.Sprintf("wrk with %d connections, %d threads and %d sessions on the same machine; the median of %d runs of %v in random order, each right after one of the bare framework", connections, threads, sessions, rounds, cfg.Each),
	}}
	if _, err := exec.LookPath("wrk"); err != nil {
		suite.Notes = []string{"not measured: wrk is not installed"}
		return suite, nil
	}
	var runs []*run
	for i, app := range cfg.Apps {
		if app.Store != "" && app.Store != "memory" && app.Store != "cookie" {
			continue
		}
		child, err := start(i)
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", app.Library, app.Framework, err)
		}
		defer child.stop()
		script, err := child.script(app.Library != "")
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", app.Library, app.Framework, err)
		}
		defer os.Remove(script)
		for _, c := range cases {
			runs = append(runs, &run{app: app, name: c.name, url: child.url + c.path, script: script})
		}
	}
	for round := range rounds {
		for i, n := range rand.Perm(len(runs)) {
			if err := runs[n].measure(cfg.Each, bareOf(runs, runs[n])); err != nil {
				return nil, err
			}
			cfg.Progress(fmt.Sprintf("round %d of %d: %d of %d", round+1, rounds, i+1, len(runs)))
		}
	}
	suite.Rows = rows(runs)
	return suite, nil
}

// run is one App in one case.
type run struct {
	app               peer.App
	name, url, script string
	perSecond, ofBare []float64
}

// bareOf returns the run of the bare framework under r, nil if r is one itself.
func bareOf(runs []*run, r *run) *run {
	for _, b := range runs {
		if r.app.Library != "" && b.app.Library == "" && b.app.Framework == r.app.Framework && b.name == r.name {
			return b
		}
	}
	return nil
}

var perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

// measure also measures the bare framework, right before: what else the machine does is then
// in both.
func (r *run) measure(d time.Duration, bare *run) error {
	if bare != nil {
		if err := bare.measure(d, nil); err != nil {
			return err
		}
	}
	out, err := exec.Command("wrk", "-t"+strconv.Itoa(threads), "-c"+strconv.Itoa(connections), "-d"+strconv.Itoa(int(d.Seconds()))+"s",
		"-s", r.script, r.url).CombinedOutput()
	if err != nil {
		return fmt.Errorf("wrk: %w\n%s", err, out)
	}
	found := perSecond.FindSubmatch(out)
	if found == nil || strings.Contains(string(out), "Non-2xx") {
		return fmt.Errorf("wrk %s on %s, case %s:\n%s", r.app.Library, r.app.Framework, r.name, out)
	}
	n, err := strconv.ParseFloat(string(found[1]), 64)
	r.perSecond = append(r.perSecond, n)
	if bare != nil {
		r.ofBare = append(r.ofBare, n/bare.perSecond[len(bare.perSecond)-1])
	}
	return err
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// rows has the metrics per_second and, but for bare frameworks, of_bare: the share of the bare
// framework's.
func rows(runs []*run) []result.Row {
	var out []result.Row
	for _, r := range runs {
		row := result.Row{
			Library: r.app.Library, Version: result.Version(r.app.Module), Framework: r.app.Framework, Store: r.app.Store,
			Case: r.name, Metrics: map[string]float64{"per_second": median(r.perSecond)},
		}
		if len(r.ofBare) > 0 {
			row.Metrics["of_bare"] = median(r.ofBare)
		}
		out = append(out, row)
	}
	return out
}

// Print writes the suite as a table.
func Print(w io.Writer, s *result.Suite) {
	for _, row := range s.Rows {
		fmt.Fprintf(w, "%-8s %-22s %-9s %s %10.0f/s %5.2f\n", row.Store, row.Library, row.Framework, row.Case, row.Metrics["per_second"], row.Metrics["of_bare"])
	}
	for _, note := range s.Notes {
		fmt.Fprintln(w, "note:", note)
	}
}

// sessions is how many visitors there are. With one for all connections, stores that lose no
// update would have to write one after the other, and those that do would look quicker for it.
const sessions = 64

// unknown is what the bare frameworks are sent, since reading a cookie's header costs them, too.
const unknown = "__Host-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// script writes a script for wrk, in which the requests of the visitors take turns.
func (c *child) script(fill bool) (file string, err error) {
	f, err := os.CreateTemp("", "wrk-*.lua")
	if err != nil {
		return "", err
	}
	defer f.Close()
	fmt.Fprintln(f, "local cookies = {")
	for range sessions {
		cookie := unknown
		if fill {
			if cookie, err = c.cookie(); err != nil {
				return "", err
			}
		}
		fmt.Fprintf(f, "\t%q,\n", cookie)
	}
	_, err = fmt.Fprint(f, `}
local requests, n = {}, 0
init = function()
	for i, cookie in ipairs(cookies) do requests[i] = wrk.format("GET", nil, { ["Cookie"] = cookie }) end
end
request = function()
	n = n % #requests + 1
	return requests[n]
end
`)
	return f.Name(), err
}

// cookie asks the App for a session of five values.
func (c *child) cookie() (string, error) {
	res, err := http.Get(c.url + peer.Fill)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	cookie, _, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";")
	if cookie == "" {
		return "", fmt.Errorf("%s answers %s without a cookie", peer.Fill, res.Status)
	}
	return cookie, nil
}
