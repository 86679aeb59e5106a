package core

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

type bubbleKey struct{}

// bubble runs a test of a context with two seconds, made from one with a value, and checks that it leaves no
// goroutine behind.
func bubble(t *testing.T, f func(t *testing.T, c *walkContext, cancel context.CancelCauseFunc)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		before := inBubble()
		parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), bubbleKey{}, "value"))
		defer cancel(nil)
		c := newWalkContext(parent, 2*time.Second)
		f(t, c, cancel)
		c.finish(context.Canceled)
		synctest.Wait()
		if n := inBubble(); n > before {
			t.Errorf("%d goroutines, there were %d", n, before)
		}
	})
}

// inBubble counts the goroutines of the caller's bubble. runtime.NumGoroutine counts those of the whole process,
// and what an earlier test has left may come or go at any moment.
func inBubble() int {
	all := make([]byte, 1<<20)
	all = all[:runtime.Stack(all, true)]
	own := regexp.MustCompile(`synctest bubble \d+\b`).Find(all) // the caller's stack is the first
	return bytes.Count(all, append(own, ']'))
}

func ended(t *testing.T, what string, c context.Context, want error) {
	t.Helper()
	synctest.Wait()
	select {
	case <-c.Done():
		if want == nil {
			t.Errorf("%s: Done is closed", what)
		}
	default:
		if want != nil {
			t.Errorf("%s: Done is open", what)
		}
	}
	if err := c.Err(); err != want {
		t.Errorf("%s: Err is %v, want %v", what, err, want)
	}
}

func leaves(t *testing.T, what string, c context.Context, want time.Duration) {
	t.Helper()
	if at, ok := c.Deadline(); !ok || time.Until(at) != want {
		t.Errorf("%s: the deadline is in %v (%t), want %v", what, time.Until(at), ok, want)
	}
}

// The clock stands still during a pause, and goes on with what was left; contexts made from it follow.
func TestWalkContextPauses(t *testing.T) {
	bubble(t, func(t *testing.T, c *walkContext, _ context.CancelCauseFunc) {
		child, cancel := context.WithTimeout(c, time.Hour) // its own deadline is the later one, now and always
		defer cancel()
		leaves(t, "at first", c, 2*time.Second)
		time.Sleep(1500 * time.Millisecond)
		for range 3 {
			c.pause()
			time.Sleep(time.Minute)
			for _, c := range []context.Context{c, child} {
				ended(t, "in a pause", c, nil)
				leaves(t, "in a pause", c, 500*time.Millisecond)
			}
			c.resume()
		}
		time.Sleep(400 * time.Millisecond)
		ended(t, "before the end", child, nil)
		leaves(t, "before the end", child, 100*time.Millisecond)
		time.Sleep(100 * time.Millisecond)
		ended(t, "at the end", c, context.DeadlineExceeded)
		ended(t, "at the end", child, context.DeadlineExceeded)
		c.pause()
		c.resume()
		time.Sleep(time.Minute)
		ended(t, "after the end", c, context.DeadlineExceeded)
	})
}

// A deadline of a context made from it is its own, and does not move.
func TestWalkContextChildHasItsOwnDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, c *walkContext, _ context.CancelCauseFunc) {
		child, cancel := context.WithTimeout(c, time.Second)
		defer cancel()
		c.pause()
		time.Sleep(time.Second)
		ended(t, "the child", child, context.DeadlineExceeded)
		ended(t, "the parent", c, nil)
		c.resume()
	})
}

// Time that is used up counts although the timer did not get to say so: the next call finds the end.
func TestWalkContextUsedUpInThePause(t *testing.T) {
	bubble(t, func(t *testing.T, c *walkContext, _ context.CancelCauseFunc) {
		time.Sleep(2*time.Second - time.Nanosecond)
		c.pause()
		time.Sleep(time.Minute)
		ended(t, "a nanosecond left", c, nil)
		c.resume()
		time.Sleep(time.Nanosecond)
		ended(t, "none left", c, context.DeadlineExceeded)
	})
}

// The caller's context ends it also in a pause; its cause and values pass through.
func TestWalkContextFollowsTheCaller(t *testing.T) {
	for _, paused := range []bool{false, true} {
		bubble(t, func(t *testing.T, c *walkContext, cancel context.CancelCauseFunc) {
			child, stop := context.WithCancel(c)
			defer stop()
			if c.Value(bubbleKey{}) != "value" || child.Value(bubbleKey{}) != "value" {
				t.Error("no value")
			}
			if paused {
				c.pause()
			}
			why := errors.New("the client has gone")
			cancel(why)
			if err := c.Err(); err != context.Canceled {
				t.Errorf("right after the caller's end: %v", err)
			}
			ended(t, "itself", c, context.Canceled)
			ended(t, "its child", child, context.Canceled)
			if context.Cause(c) != why || context.Cause(child) != why {
				t.Errorf("the causes are %v, %v", context.Cause(c), context.Cause(child))
			}
			c.resume()
			ended(t, "itself, resumed", c, context.Canceled)
		})
	}
	bubble(t, func(t *testing.T, _ *walkContext, _ context.CancelCauseFunc) {
		caller, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c := newWalkContext(caller, 2*time.Second)
		defer c.finish(context.Canceled)
		c.pause()
		time.Sleep(500 * time.Millisecond)
		leaves(t, "the caller's deadline is nearer", c, 500*time.Millisecond)
		time.Sleep(500 * time.Millisecond)
		ended(t, "at the caller's deadline", c, context.DeadlineExceeded)
	})
	bubble(t, func(t *testing.T, _ *walkContext, cancel context.CancelCauseFunc) {
		caller, stop := context.WithCancel(t.Context())
		stop()
		c := newWalkContext(caller, 2*time.Second)
		if err := c.Err(); err != context.Canceled {
			t.Errorf("of a context that has ended: %v", err)
		}
		ended(t, "of a context that has ended", c, context.Canceled)
	})
}

// AfterFunc runs its function once, unless it was stopped, and no goroutine waits for it meanwhile.
func TestWalkContextAfterFunc(t *testing.T) {
	bubble(t, func(t *testing.T, c *walkContext, _ context.CancelCauseFunc) {
		before, ran := inBubble(), make(chan string, 9)
		run := func(name string) (stop func() bool) { return context.AfterFunc(c, func() { ran <- name }) }
		stopped, late := run("stopped"), run("late")
		for range 20 {
			_, cancel := context.WithTimeout(c, time.Minute)
			defer cancel()
		}
		synctest.Wait()
		if n := inBubble(); n != before {
			t.Errorf("%d goroutines wait", n-before)
		}
		if !stopped() || stopped() {
			t.Error("stop is true once")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if late() {
			t.Error("stopped after it ran")
		}
		if afterwards := run("afterwards"); afterwards() {
			t.Error("stopped where it runs at once")
		}
		synctest.Wait()
		if one, two := <-ran, <-ran; one != "late" || two != "afterwards" || len(ran) > 0 {
			t.Errorf("ran %s, %s and %d more", one, two, len(ran))
		}
	})
}

// Whoever asks while the loop pauses and resumes gets one of the answers.
func TestWalkContextManyAsk(t *testing.T) {
	c := newWalkContext(t.Context(), 50*time.Millisecond)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for c.Err() == nil {
				_, cancel := context.WithTimeout(c, time.Millisecond)
				context.AfterFunc(c, func() {})()
				_, _ = c.Deadline()
				cancel()
			}
		})
	}
	for c.Err() == nil {
		c.pause()
		c.resume()
		time.Sleep(time.Microsecond)
	}
	wg.Wait()
	if err := c.Err(); err != context.DeadlineExceeded {
		t.Error(err)
	}
}

// counted is a context that tells how many wait for its end.
type counted struct {
	context.Context
	waiting int
}

func (c *counted) Value(any) any { return nil } // or else package context would look behind it

func (c *counted) AfterFunc(f func()) func() bool {
	c.waiting++
	stop := context.AfterFunc(c.Context, f)
	return func() bool { c.waiting--; return stop() }
}

// A context that lives on, as that of a server, keeps nothing of a walk that is over, nor a walk of a call.
func TestWalkContextLetsGo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	caller := &counted{Context: ctx}
	c := newWalkContext(caller, time.Hour)
	if stop := c.AfterFunc(func() {}); !stop() || stop() || len(c.waiting) > 0 {
		t.Errorf("%d functions wait after stop, which is true once", len(c.waiting))
	}
	if caller.waiting != 1 {
		t.Errorf("the walk has registered %d times", caller.waiting)
	}
	c.finish(context.Canceled)
	if caller.waiting != 0 {
		t.Error("the caller's context still knows the walk")
	}
}
