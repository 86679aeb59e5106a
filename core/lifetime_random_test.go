package core_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

var maxAgeOf = regexp.MustCompile(`Max-Age=(\d+)`)

func attrs(line string) string {
	_, rest, _ := strings.Cut(line, ";")
	return rest
}

// A browser whose cookie and whose record must agree on the deadline, whatever one client does in whatever order.
func TestCookieAndRecordAgree(t *testing.T) {
	for seed := range uint64(60) {
		cfg := core.Config{IdleTimeout: 40 * time.Minute, Lifetime: 5 * time.Hour}
		r := rand.New(rand.NewPCG(seed, 1))
		cfg.SaveEveryRequest = r.IntN(4) == 0
		cfg.ExpireAtBrowserClose = r.IntN(4) == 0
		if r.IntN(3) == 0 {
			cfg.TouchInterval = []time.Duration{time.Second, 10 * time.Minute, 39 * time.Minute}[r.IntN(3)]
		}
		if r.IntN(5) == 0 {
			cfg.IdleTimeout, cfg.Lifetime, cfg.TouchInterval = 15*time.Minute, 12*time.Hour, 0
		}
		tokens := r.IntN(3) == 0
		synctest.Test(t, func(t *testing.T) {
			var m *core.Manager
			if tokens {
				m = cookieManager(t, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cfg)
			} else {
				m = newManager(t, cfg)
			}
			b := newBrowser(t, m)
			var log []string
			var browserEnds time.Time // zero: with the browser
			for range 60 {
				gap := []time.Duration{0, 0, time.Millisecond, 700 * time.Millisecond, time.Second, 30 * time.Second, 3 * time.Minute, 11 * time.Minute, 30 * time.Minute}[r.IntN(9)]
				time.Sleep(gap)
				if b.cookie != "" && !browserEnds.IsZero() && !time.Now().Before(browserEnds) {
					log = append(log, "cookie died")
					b.cookie = ""
				}
				what := r.IntN(14)
				d := time.Duration(1+r.IntN(3600*3)) * time.Second
				var at time.Time
				var mode string
				had := b.cookie != ""
				var wasNew bool
				b.visit(func(s *core.Session) {
					wasNew = s.IsNew()
					switch what {
					case 0:
						must(t, s.ExpireIn(d))
						mode = "in"
					case 1:
						at = time.Now().Add(d)
						must(t, s.ExpireAt(at))
					case 2:
						must(t, s.ExpireAtBrowserClose())
					case 3:
						must(t, s.ExpireDefault())
					case 4:
						must(t, s.Login("alice"))
					case 5:
						must(t, s.Login("bob"))
					case 6:
						must(t, s.RotateID())
					case 7, 8:
						must(t, count.Set(s, r.IntN(100)))
					case 9:
						must(t, s.Login("alice"))
						must(t, s.ExpireIn(d))
					case 10:
						must(t, s.AddFlash("i", "x"))
					case 11:
						_, err := s.Flashes(ctx)
						must(t, err)
					case 12:
						must(t, count.Set(s, 1))
						must(t, s.Save(ctx))
						if r.IntN(2) == 0 {
							must(t, s.ExpireIn(d))
						}
					default:
						read(s)
					}
				})
				_ = mode
				log = append(log, fmt.Sprintf("+%v op%d d=%v had=%v new=%v line=%s", gap, what, d, had, wasNew, attrs(b.line)))
				if b.line != "" {
					browserEnds = time.Time{}
					if f := maxAgeOf.FindStringSubmatch(b.line); f != nil {
						n, _ := strconv.Atoi(f[1])
						browserEnds = time.Now().Add(time.Duration(n) * time.Second)
					}
				}
				if b.cookie == "" {
					continue
				}
				x := b.m.Adapter().Begin(ctx, b.header())
				s, err := x.Session(ctx)
				must(t, err)
				live, ends := !s.IsNew(), s.ExpiresAt()
				x.Discard()
				if !live {
					if !had || !wasNew {
						t.Fatalf("seed %d tokens=%v: dead after its own request\n%s", seed, tokens, strings.Join(log, "\n"))
					}
					b.cookie = ""
					continue
				}
				if browserEnds.IsZero() {
					continue
				}
				if diff := browserEnds.Sub(ends); diff > 2*time.Second || diff < -time.Second {
					t.Fatalf("seed %d tokens=%v %+v: the cookie ends %v after the record\n%s", seed, tokens, cfg.TouchInterval, diff, strings.Join(log, "\n"))
				}
			}
		})
	}
}

// A socket that saves, beside ordinary requests that come within half of the idle time.
func TestSocketBesidePages(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 2))
		synctest.Test(t, func(t *testing.T) {
			m := newManager(t, core.Config{IdleTimeout: 40 * time.Minute, Lifetime: 100 * time.Hour})
			b := newBrowser(t, m)
			b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
			ends := time.Now().Add(40 * time.Minute)
			var log strings.Builder
			socket := b.copyOf().send()
			if _, err := socket.x.Commit(ctx, 200); err != nil {
				t.Fatal(err)
			}
			next := time.Now()
			for range 60 {
				gap := time.Duration(r.Int64N(int64(20 * time.Minute)))
				next = next.Add(gap)
				for time.Now().Before(next) {
					time.Sleep(min(time.Until(next), time.Duration(1+r.Int64N(int64(9*time.Minute)))))
					must(t, count.Set(socket.s, 1))
					if err := socket.s.Save(ctx); err != nil {
						t.Fatalf("seed %d: %v%s", seed, err, log.String())
					}
				}
				if !time.Now().Before(ends) {
					t.Fatalf("seed %d: the cookie died%s", seed, log.String())
				}
				b.visit(func(s *core.Session) {
					if s.IsNew() {
						t.Fatalf("seed %d: the session died%s", seed, log.String())
					}
					if r.IntN(2) == 0 {
						must(t, count.Set(s, 2))
					}
				})
				fmt.Fprintf(&log, "\n+%v %s", gap, attrs(b.line))
				if f := maxAgeOf.FindStringSubmatch(b.line); f != nil {
					n, _ := strconv.Atoi(f[1])
					ends = time.Now().Add(time.Duration(n) * time.Second)
				}
			}
		})
	}
}
