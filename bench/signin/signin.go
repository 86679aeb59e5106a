// Package signin offers sign-ins to each of coatcheck's stores at a fixed rate, as a campaign's visitors do, and
// measures how long each takes from the moment at which it was due. So a store that cannot keep up shows in the times.
package signin

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/result"
	"github.com/coatcheck-go/coatcheck/bench/servers"
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

// Config says what Run measures.
type Config struct {
	Places   []servers.Place
	Rate     int // sign-ins a second
	Time     time.Duration
	Progress func(line string)
}

// Run measures each store.
func Run(cfg Config) (*result.Suite, error) {
	suite := &result.Suite{Name: "signin", Machine: result.Machine(), Time: time.Now().UTC(), Notes: []string{
		fmt.Sprintf("sign-ins of as many users, %d a second for %v, through httpsession in this process; each with one value and a subject", cfg.Rate, cfg.Time),
		"files and SQLite are on this machine's disk",
	}}
	for _, p := range cfg.Places {
		store, err := p.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		metrics, err := offer(store, cfg.Rate, cfg.Time)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		suite.Rows = append(suite.Rows, result.Row{Library: "coatcheck", Store: p.Name, Case: strconv.Itoa(cfg.Rate), Metrics: metrics})
		cfg.Progress(p.Name)
	}
	return suite, nil
}

// offer closes the store.
func offer(store driver.Backend, rate int, d time.Duration) (map[string]float64, error) {
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		return nil, err
	}
	const from core.Key[string] = "from"
	h := httpsession.New(m)(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login(r.URL.Query().Get("user"))
		_ = from.Set(s, "campaign")
	}))
	n := rate * int(d.Seconds())
	times, served := make([]float64, n), make([]bool, n)
	var wg sync.WaitGroup
	begun := time.Now()
	for i := range n {
		due := begun.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		wg.Go(func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "https://shop.example/?user="+strconv.Itoa(i), nil))
			times[i], served[i] = float64(time.Since(due).Microseconds())/1000, w.Header().Get("Set-Cookie") != ""
		})
	}
	wg.Wait()
	took := time.Since(begun).Seconds()
	good := 0
	for _, ok := range served {
		if ok {
			good++
		}
	}
	slices.Sort(times)
	return map[string]float64{
		"per_second": float64(good) / took, "p50_ms": times[n/2], "p99_ms": times[n*99/100], "failed": float64(n - good),
	}, m.Close()
}

// Print writes the suite as a table.
func Print(w io.Writer, s *result.Suite) {
	for _, row := range s.Rows {
		fmt.Fprintf(w, "%-10s %6.0f/s  p50 %8.2f ms  p99 %8.2f ms  %.0f failed\n", row.Store, row.Metrics["per_second"], row.Metrics["p50_ms"], row.Metrics["p99_ms"], row.Metrics["failed"])
	}
	for _, note := range s.Notes {
		fmt.Fprintln(w, "note:", note)
	}
}
