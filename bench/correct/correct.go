// Package correct shows what session libraries lose when requests overlap, and what they answer when
// their store fails. Each App is asked over real HTTP on loopback.
//
// A row of the suite is one App in one case. Its text "verdict" is short enough for
// a table; "-" means that the case does not apply.
package correct

import (
	"errors"
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
	"github.com/coatcheck-go/coatcheck/bench/servers"
)

// Config says what to ask.
type Config struct {
	Apps    []peer.App // the bare frameworks and the raw clients among them are passed over
	Servers *servers.Set

	// Writers is how many requests write to one session at once. At most 64. Default: 64.
	Writers int

	// Junk is how many requests come with a made-up cookie. Default: 1000.
	Junk int

	// Progress is told which App is next. Default: nobody.
	Progress func(string)
}

// A target is one App under test.
type target struct {
	Config
	app    peer.App
	site   *site
	env    *servers.Proxied
	cookie string // of a session made by Fill
}

// cases in the order of the table. The store is in order before each of them; refused and gone
// break it and mend it again.
var cases = []struct {
	name string
	run  func(*target) (verdict, error)
}{
	{"lost updates", lostUpdates},
	{"logout during a write", func(t *target) (verdict, error) { return resurrection(t, peer.Slow) }},
	{"logout during a read", func(t *target) (verdict, error) { return resurrection(t, peer.SlowRead) }},
	{"cookie on flush", cookieOnFlush},
	{"junk cookies", junkCookies},
	{"save refused", saveRefused},
	{"store gone", storeGone},
}

// verdict is what one case showed.
type verdict struct {
	text    string
	metrics map[string]float64
}

// Run asks all Apps. Those that cannot be started are notes of the suite.
func Run(cfg Config) *result.Suite {
	if cfg.Writers == 0 {
		cfg.Writers = 64
	}
	if cfg.Junk == 0 {
		cfg.Junk = 1000
	}
	suite := &result.Suite{Name: "correct", Machine: result.Machine(), Time: time.Now().UTC()}
	for _, app := range cfg.Apps {
		if app.Library == "" || peer.IsFloor(app.Library) {
			continue
		}
		name := app.Library + " on " + app.Framework + " with " + app.Store
		if cfg.Progress != nil {
			cfg.Progress(name)
		}
		rows, err := cfg.ask(app)
		suite.Rows = append(suite.Rows, rows...)
		if err != nil {
			suite.Notes = append(suite.Notes, name+": "+err.Error())
		}
	}
	return suite
}

// ask runs all cases of one App, on a store with nothing else in it.
func (cfg Config) ask(app peer.App) ([]result.Row, error) {
	if err := cfg.Servers.Empty(); err != nil {
		return nil, err
	}
	env, err := cfg.Servers.Proxied(app)
	if err != nil {
		return nil, err
	}
	defer env.Close()
	running, err := app.New(env.Env)
	if err != nil {
		return nil, err
	}
	defer running.Close()
	t := &target{Config: cfg, app: app, env: env}
	if t.site, err = serve(running); err != nil {
		return nil, err
	}
	defer t.site.close()
	var (
		rows   []result.Row
		failed error
	)
	for _, c := range cases {
		fill, err := t.site.get(peer.Fill, "")
		if err != nil {
			return rows, errors.Join(failed, err)
		}
		if t.cookie = fill.cookie(""); fill.status != 200 || t.cookie == "" {
			return rows, errors.Join(failed, fmt.Errorf("%s before %q: status %d", peer.Fill, c.name, fill.status))
		}
		v, err := c.run(t)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", c.name, err))
			continue
		}
		rows = append(rows, result.Row{Library: app.Library, Version: result.Version(app.Module), Framework: app.Framework,
			Store: app.Store, Case: c.name, Metrics: v.metrics, Text: map[string]string{"verdict": v.text}})
	}
	return rows, failed
}
