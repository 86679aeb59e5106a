package core

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"time"
)

// A function given to Key.Update may use its session. What it does to the session is done at its first run. It is not
// done again when the function runs again, after a goroutine or another request has changed the value. The session
// sees on the stack that such a function calls it. That costs a microsecond or two, so it looks only while one is
// running. The function runs without the session's lock.
//
// A save that replays a function holds the locks of the exchange and of the adapter. If the function waits for one of
// them, as one does that writes the response, it waits for ever. So it runs in a goroutine of its own, and the save
// fails if it has not returned within StoreTimeout.

// running is a function given to Update that runs for the first time.
type running struct {
	key  string
	next *running
}

// maxRuns bounds how often a function runs again because other goroutines of the request change its key. One of them
// gets through each time.
const maxRuns = 10_000

// compute stores the result of f for the value under key.
func (s *Session) compute(key string, f updateFunc) error {
	for runs := range maxRuns {
		if runs == 1 {
			s.reruns.Add(1)
			defer s.reruns.Add(-1)
		}
		done, err := s.computeOnce(key, f, runs)
		if done || err != nil {
			return err
		}
	}
	return s.fail(key, fmt.Errorf("coatcheck: Update of key %q: other goroutines of the request change it again and again: %w", key, ErrConflict))
}

// computeOnce is one try of compute. If somebody else has changed the value meanwhile, it does nothing and returns
// false.
func (s *Session) computeOnce(key string, f updateFunc, runs int) (done bool, err error) {
	s.mu.Lock()
	if err := s.settable(key); err != nil || s.repeats() {
		s.mu.Unlock()
		return true, err
	}
	s.edit()
	codec := s.cur.codec
	old, present := s.cur.find(key)
	run := &running{key: key, next: s.running}
	if runs == 0 {
		s.running = run
	}
	s.mu.Unlock()

	var e entry
	if runs == 0 {
		e, err = s.first(run, f, codec, key, old, present)
	} else {
		e, err = again(f, codec, key, old, present)
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return true, refused.err // the handler answers it; nothing was changed
	}
	if err != nil {
		return true, s.fail(key, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.changeable(); err != nil {
		return true, err
	}
	now, still := s.cur.find(key)
	if s.cur.codec.Name() != codec.Name() || still != present || !bytes.Equal(now, old) {
		return false, nil
	}
	s.edit() // a save may have begun meanwhile
	s.cur.set(e.key, e.value)
	s.keep(op{kind: opUpdate, key: e.key, update: f, micros: s.x.m.cfg.StoreTimeout.Microseconds()})
	s.mend(e.key)
	return true, nil
}

// first runs f for the first time. f may read and change the session.
//
//go:noinline
func (s *Session) first(run *running, f updateFunc, codec Codec, key string, old []byte, present bool) (entry, error) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for at := &s.running; *at != nil; at = &(*at).next {
			if *at == run {
				*at = run.next
				return
			}
		}
	}()
	return f(codec, key, old, present)
}

// again runs f another time.
//
//go:noinline
func again(f updateFunc, codec Codec, key string, old []byte, present bool) (entry, error) {
	return f(codec, key, old, present)
}

// refusal is the error of a function given to TryUpdate.
type refusal struct {
	key string
	err error
}

// Error does not show the function's own error: that may hold a value.
func (r *refusal) Error() string { return fmt.Sprintf("%v (key %q)", ErrRefused, r.key) }

// Unwrap does not lead to what the function said: that may be an error of core, of another session.
func (r *refusal) Unwrap() error { return ErrRefused }

// refused is a refusal as the application gets it, with what its function said.
type refused struct{ *refusal }

func (r refused) Unwrap() []error { return []error{ErrRefused, r.err} }

// exposed is err for the application.
func exposed(err error) error {
	var r *refusal
	if errors.As(err, &r) {
		return refused{r}
	}
	return err
}

// replayed is the result of a function in its goroutine.
type replayed struct {
	entry entry
	err   error
	panic any
}

// replay is again for a save, which waits no longer than limit.
func replay(f updateFunc, codec Codec, key string, old []byte, present bool, limit time.Duration) (entry, error) {
	done := make(chan replayed, 1)
	go func() {
		r := replayed{panic: "runtime.Goexit"}
		defer func() {
			if r.panic != nil {
				if p := recover(); p != nil {
					r.panic = p
				}
			}
			done <- r
		}()
		r.entry, r.err = again(f, codec, key, old, present)
		r.panic = nil
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-done:
		if r.panic != nil {
			panic(r.panic)
		}
		return r.entry, r.err
	case <-timer.C:
		return entry{}, fmt.Errorf("coatcheck: the function given to Update of key %q did not return within %v when it ran again after another request: "+
			"it must not wait for the session or the response", key, limit)
	}
}

var (
	nameOfFirst = runtime.FuncForPC(reflect.ValueOf((*Session).first).Pointer()).Name()
	nameOfAgain = runtime.FuncForPC(reflect.ValueOf(again).Pointer()).Name()
)

// onStack counts the calls of a function on this goroutine's stack.
func onStack(name string) (n int) {
	var array [64]uintptr
	for skip := 2; ; skip += len(array) {
		found := runtime.Callers(skip, array[:])
		frames := runtime.CallersFrames(array[:found])
		for more := found > 0; more; {
			var frame runtime.Frame
			if frame, more = frames.Next(); frame.Function == name {
				n++
			}
		}
		if found < len(array) {
			return n
		}
	}
}

// repeats reports whether a function that runs again calls it: what that does to the session was done at its first
// run. s.mu may be held.
func (s *Session) repeats() bool { return s.reruns.Load() > 0 && onStack(nameOfAgain) > 0 }

// settable is changeable for the value under key. It refuses a change from the function of an Update of the same key,
// which would overwrite the change with its result. s.mu is held.
func (s *Session) settable(key string) error {
	if err := s.changeable(); err != nil {
		return err
	}
	n, mine := 0, false
	for run := s.running; run != nil; run = run.next {
		n++
		mine = mine || run.key == key
	}
	if !mine || onStack(nameOfFirst) != n { // others run, too: their goroutine may be the one that updates key
		return nil
	}
	err := fmt.Errorf("coatcheck: key %q is changed in the function of an Update of this key, which would overwrite it", key)
	s.spoil(nil, err) // no later change can mend it
	return err
}
