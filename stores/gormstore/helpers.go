package gormstore

import (
	"errors"
	"time"
)

// helpers make calls that may outlast the caller. A helper that has made a call waits a while for another one, because
// its stack has grown to what SQLite in pure Go needs: a new goroutine for each call would take a quarter longer.
// Without a channel, the zero value makes one for each call.
type helpers struct{ calls chan helped }

type helped struct {
	call func() error
	done chan outcome
}

type outcome struct {
	err      error
	panicked any
}

// helperRest is how long a helper waits for another call. So none outlives the Store's use for long.
const helperRest = time.Second

// do makes the call on another goroutine, and returns where the outcome will be.
func (h helpers) do(call func() error) <-chan outcome {
	c := helped{call, make(chan outcome, 1)}
	select {
	case h.calls <- c:
	default: // no helper is free
		go h.help(c)
	}
	return c.done
}

func (h helpers) help(c helped) {
	rest := time.NewTimer(helperRest)
	defer rest.Stop()
	for {
		c.run()
		c = helped{} // holds no results while it waits
		rest.Reset(helperRest)
		select {
		case c = <-h.calls:
		case <-rest.C:
			return
		}
	}
}

func (c helped) run() {
	o := outcome{err: errors.New("the call did not return")}
	defer func() { o.panicked = recover(); c.done <- o }()
	o.err = c.call()
}
