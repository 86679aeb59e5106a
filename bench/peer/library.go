package peer

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// A library is how a handler uses its session: C is what the framework gives the
// handler, S what the library gives it. Keys are any, as most libraries take
// them: to make one of a string would cost their readers an allocation.
type library[C, S any] struct {
	get  func(s S, key any) int // 0 if there is none
	set  func(s S, key any, n int)
	fill func(s S, key string, value any)
	add  func(s S) int        // adds one to "visits"; nil: get and set do
	save func(c C, s S) error // nil: the library saves by itself
	end  func(c C, s S) error
}

// A use is what one route does with the session; the text is the response.
type use[C, S any] func(c C, s S) (string, error)

// uses returns those of all routes but Untouched. query returns the parameter "key".
func (l library[C, S]) uses(query func(C) string) map[string]use[C, S] {
	if l.add == nil {
		l.add = func(s S) int {
			n := l.get(s, "visits") + 1
			l.set(s, "visits", n)
			return n
		}
	}
	if l.save == nil {
		l.save = func(C, S) error { return nil }
	}
	return map[string]use[C, S]{
		Read: func(_ C, s S) (string, error) { return strconv.Itoa(l.get(s, "visits")), nil },
		Write: func(c C, s S) (string, error) {
			n := l.add(s)
			return strconv.Itoa(n), l.save(c, s)
		},
		New: func(c C, s S) (string, error) {
			l.set(s, "visits", 1)
			return "1", l.save(c, s)
		},
		Fill: func(c C, s S) (string, error) {
			for _, v := range Values {
				l.fill(s, v.Key, v.Value)
			}
			return "filled", l.save(c, s)
		},
		Set: func(c C, s S) (string, error) {
			key := query(c)
			n := l.get(s, key) + 1
			time.Sleep(5 * time.Millisecond)
			l.set(s, key, n)
			return strconv.Itoa(n), l.save(c, s)
		},
		Slow: func(c C, s S) (string, error) {
			n := l.get(s, "visits") + 1
			time.Sleep(100 * time.Millisecond)
			l.set(s, "visits", n)
			return strconv.Itoa(n), l.save(c, s)
		},
		SlowRead: func(_ C, s S) (string, error) {
			n := l.get(s, "visits")
			time.Sleep(100 * time.Millisecond)
			return strconv.Itoa(n), nil
		},
		Keys: func(_ C, s S) (string, error) {
			found := 0
			for i := range 64 {
				if l.get(s, fmt.Sprint("k", i)) != 0 {
					found++
				}
			}
			return strconv.Itoa(found), nil
		},
		Logout: func(c C, s S) (string, error) { return "bye", l.end(c, s) },
		Stream: func(c C, s S) (string, error) {
			l.set(s, "streamed", 1)
			return "12", l.save(c, s)
		},
	}
}

// nothing is the library of the bare frameworks: the same texts, made with the same effort.
func nothing[C any]() library[C, struct{}] {
	var visits atomic.Int64
	return library[C, struct{}]{
		get:  func(struct{}, any) int { return 1 },
		set:  func(struct{}, any, int) {},
		fill: func(struct{}, string, any) {},
		add:  func(struct{}) int { return int(visits.Add(1)) },
		end:  func(C, struct{}) error { return nil },
	}
}

// alone is what the handlers of a bare framework get for a session.
func alone[C any](h func(C, struct{})) func(C) { return func(c C) { h(c, struct{}{}) } }

// aloneErr is alone for frameworks whose handlers return an error.
func aloneErr[C any](h func(C, struct{}) error) func(C) error {
	return func(c C) error { return h(c, struct{}{}) }
}
