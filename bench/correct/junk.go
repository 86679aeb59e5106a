package correct

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/bench/peer"
)

// junkCookies reads with cookies that nobody was given, and counts what the store holds
// more than before.
func junkCookies(t *target) (verdict, error) {
	before, countable, err := t.records()
	if err != nil {
		return verdict{}, err
	}
	const clients = 8
	var (
		done   sync.WaitGroup
		failed atomic.Pointer[error]
		given  atomic.Int64
		ok     atomic.Int64
	)
	for client := range clients {
		done.Go(func() {
			for i := client; i < t.Junk; i += clients {
				a, err := t.site.get(peer.Read, junk(t.cookie))
				if err != nil {
					failed.Store(&err)
					return
				}
				if a.status == 200 {
					ok.Add(1)
				}
				if a.cookie("") != "" {
					given.Add(1)
				}
			}
		})
	}
	done.Wait()
	if err := failed.Load(); err != nil {
		return verdict{}, *err
	}
	after, _, err := t.records()
	v := verdict{metrics: map[string]float64{"requests": float64(t.Junk), "answered_200": float64(ok.Load()), "cookies_given": float64(given.Load())}}
	switch {
	case countable:
		v.metrics["records"] = float64(after - before)
		v.text = fmt.Sprint(after-before, " records")
	case t.app.Store == "memory": // nobody counts there, but a cookie that is given away has a record
		v.text = fmt.Sprint(given.Load(), " cookies")
	default:
		v.text = "-"
	}
	if errors := int64(t.Junk) - ok.Load(); errors > 0 {
		v.text = strings.TrimPrefix(fmt.Sprintf("%s, %d errors", v.text, errors), "-, ")
	}
	return v, err
}

// junk returns a Cookie header like the given one, each letter and digit of the value by chance. The
// last one stays: it may be one of few that an encoding allows there.
func junk(cookie string) string {
	name, value, _ := strings.Cut(cookie, "=")
	value, _, _ = strings.Cut(value, "; ")
	hex := strings.Trim(value, "0123456789abcdef-") == ""
	b := []byte(value)
	for i := range max(len(b)-1, 0) {
		switch c := b[i]; {
		case c >= 'a' && c <= 'z' && hex:
			b[i] = 'a' + byte(rand.IntN(6))
		case c >= 'a' && c <= 'z':
			b[i] = 'a' + byte(rand.IntN(26))
		case c >= 'A' && c <= 'Z':
			b[i] = 'A' + byte(rand.IntN(26))
		case c >= '0' && c <= '9':
			b[i] = '0' + byte(rand.IntN(10))
		}
	}
	return name + "=" + string(b)
}
