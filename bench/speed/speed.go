// Package speed measures what each session library costs a request: its own cost, which is the
// time beyond that of the bare framework with the same routes.
//
// Requests go through the handler in this process, with a writer that costs next to nothing.
// All libraries take turns in random order, in batches of 20 requests, so that whatever
// else the machine does hits all of them alike. Of the batches the quiet tenth (p10)
// and the median count.
package speed

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
)

// A batch is short, so that some fall between two collections of garbage.
const batch = 20

// minRounds are measured however short the time.
const minRounds = 10

// Config says what to measure and where.
type Config struct {
	Apps []peer.App

	// Open returns where an App keeps its records, and what removes them.
	Open func(peer.App) (peer.Env, func(), error)

	// RoundTrips counts those between the App and its server for a request of each case. The
	// map is nil without a server. Default: nil, not counted.
	RoundTrips func(peer.App) (map[string]float64, error)

	// Time is how long to measure, after the libraries are started. In it each case of each
	// App has its turn at least 10 times, which may take longer.
	Time time.Duration
}

// Run measures. Apps that cannot be started or answer wrongly are notes of the suite.
func Run(cfg Config) *result.Suite {
	suite := &result.Suite{Name: "speed", Machine: result.Machine(), Time: time.Now().UTC()}
	var jobs []*job
	for _, app := range cfg.Apps {
		t := &target{app: app, open: cfg.Open}
		defer t.close()
		made, err := t.jobs()
		if err != nil {
			suite.Notes = append(suite.Notes, fmt.Sprintf("%s: not measured: %v", name(app), err))
			continue
		}
		jobs = append(jobs, made...)
	}
	for _, j := range jobs {
		j.countAllocs()
	}
	rounds := 0
	for end := time.Now().Add(cfg.Time); rounds < minRounds || time.Now().Before(end); rounds++ {
		rand.Shuffle(len(jobs), func(i, k int) { jobs[i], jobs[k] = jobs[k], jobs[i] })
		for _, j := range jobs {
			if err := j.renew(); err != nil {
				suite.Notes = append(suite.Notes, fmt.Sprintf("%s: case %s: %v", name(j.app), j.name, err))
				continue
			}
			j.times = append(j.times, j.timed())
		}
	}
	suite.Notes = append(suite.Notes, fmt.Sprintf("%d batches of %d requests for each figure; case F on %d goroutines",
		rounds, batch, runtime.GOMAXPROCS(0)))
	suite.Rows = rows(cfg.Apps, jobs)
	if cfg.RoundTrips != nil {
		suite.Notes = append(suite.Notes, addRoundTrips(suite.Rows, cfg)...)
	}
	return suite
}

// addRoundTrips is a pass of its own, since counting takes time. It returns what could not be counted.
func addRoundTrips(rows []result.Row, cfg Config) (notes []string) {
	for _, app := range cfg.Apps {
		trips, err := cfg.RoundTrips(app)
		if err != nil {
			notes = append(notes, fmt.Sprintf("%s: round trips not counted: %v", name(app), err))
		}
		for _, row := range rows {
			if n, counted := trips[row.Case]; counted && row.Library == app.Library && row.Framework == app.Framework && row.Store == app.Store {
				row.Metrics["round_trips"] = n
			}
		}
	}
	return notes
}

func name(app peer.App) string {
	if app.Library == "" {
		return app.Framework + " alone"
	}
	return app.Library + " on " + app.Framework + " with " + app.Store
}
