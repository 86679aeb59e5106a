package core_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

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
