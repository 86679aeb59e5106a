package correct

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/peer"
)

// lostUpdates lets many requests of one browser write a key each, at once. A browser
// keeps the cookie of the answer that comes last.
func lostUpdates(t *target) (verdict, error) {
	var (
		mu      sync.Mutex
		done    sync.WaitGroup
		refused int
		failed  error
		cookie  = t.cookie
	)
	for i := range t.Writers {
		done.Go(func() {
			a, err := t.site.get(fmt.Sprint(peer.Set, "?key=k", i), t.cookie)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				failed = err
			case a.status != 200:
				refused++
			default:
				cookie = a.cookie(cookie)
			}
		})
	}
	done.Wait()
	if failed != nil {
		return verdict{}, failed
	}
	a, err := t.site.get(peer.Keys, cookie)
	if err != nil {
		return verdict{}, err
	}
	kept, err := strconv.Atoi(a.body)
	if err != nil {
		return verdict{}, fmt.Errorf("%s: status %d: %w", peer.Keys, a.status, err)
	}
	v := verdict{
		text:    fmt.Sprintf("%d of %d kept", kept, t.Writers),
		metrics: map[string]float64{"kept": float64(kept), "refused": float64(refused), "writers": float64(t.Writers)},
	}
	if refused > 0 {
		v.text += fmt.Sprintf(", %d refused", refused)
	}
	return v, nil
}

// resurrection logs out while another request of the session is under way, and looks whether the
// session's data can be had afterwards: with the old cookie, or with the one that the late
// answer carries.
func resurrection(t *target, path string) (verdict, error) {
	const rounds = 3
	alone, err := t.logout("")
	if err != nil {
		return verdict{}, err
	}
	if alone.back {
		return verdict{text: "old cookie stays valid", metrics: map[string]float64{"back": rounds, "rounds": rounds}}, nil
	}
	back, status := 0, alone.status
	for range rounds {
		end, err := t.logout(path)
		if err != nil {
			return verdict{}, err
		}
		if end.back {
			back++
		}
		status = max(status, end.status)
	}
	v := verdict{text: "ended", metrics: map[string]float64{"back": float64(back), "rounds": rounds}}
	if back > 0 {
		v.text = "comes back"
	} else if status != 200 {
		v.text += fmt.Sprint(", then ", status)
	}
	return v, nil
}

// end is what is left of a session after its logout.
type end struct {
	back   bool // its data can be had
	status int  // of the requests that asked for it, the highest
}

// logout makes a session, ends it while a request for path runs, unless that is "", and asks
// for its data.
func (t *target) logout(path string) (end, error) {
	made, err := t.site.get(peer.Set+"?key=k0", "")
	if err != nil {
		return end{}, err
	}
	cookie := made.cookie("")
	if cookie == "" {
		return end{}, fmt.Errorf("%s: status %d and no cookie", peer.Set, made.status)
	}
	var (
		late    *answer
		lateErr error
		done    sync.WaitGroup
	)
	if path != "" {
		done.Go(func() { late, lateErr = t.site.get(path, cookie) })
		time.Sleep(50 * time.Millisecond) // of 100 that it takes
	}
	bye, err := t.site.get(peer.Logout, cookie)
	done.Wait()
	if err = errors.Join(err, lateErr); err != nil {
		return end{}, err
	}
	if bye.status != 200 {
		return end{}, fmt.Errorf("%s: status %d", peer.Logout, bye.status)
	}
	cookies := []string{cookie}
	if late != nil {
		cookies = append(cookies, late.cookie(bye.cookie(cookie)))
	}
	var e end
	for _, c := range cookies {
		a, err := t.site.get(peer.Keys, c)
		if err != nil {
			return end{}, err
		}
		e.status = max(e.status, a.status)
		e.back = e.back || a.status == 200 && a.body != "0"
	}
	return e, nil
}

// cookieOnFlush looks for the cookie of a new session when the handler flushes at once.
func cookieOnFlush(t *target) (verdict, error) {
	a, err := t.site.get(peer.Stream, "")
	switch {
	case err != nil:
		return verdict{}, err
	case a.status != 200 || a.body != "12":
		return verdict{}, fmt.Errorf("%s answers %d %q", peer.Stream, a.status, a.body)
	case a.cookie("") == "":
		return verdict{text: "missing"}, nil
	}
	return verdict{text: "sent"}, nil
}
