package crossingstore_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
)

// A world is two storages, a clock, and actors: servers, and a tool that moves. Only one of them runs at a time, and it
// stops before each call of a store. So a test can go through every order of their calls.
type world struct {
	to, from *table
	clock    time.Time
	actors   []*actor
	events   []event
	ticks    int
}

// event is one thing that an actor was told.
type event struct {
	who        string
	what       string // "live", "none", "ended": it ended the session; "wrote"
	data       string
	begin, end int
}

// table is a storage.
type table struct {
	w        *world
	name     string
	records  map[driver.ID]driver.Record
	listed   map[driver.ID]bool
	versions uint64
	restarts bool // each new record begins at version 1, as the contract allows
}

func newWorld() *world {
	w := &world{clock: time.Unix(1_000_000, 0)}
	w.to = &table{w: w, name: "to", records: map[driver.ID]driver.Record{}, listed: map[driver.ID]bool{}, versions: 100}
	w.from = &table{w: w, name: "from", records: map[driver.ID]driver.Record{}, listed: map[driver.ID]bool{}, versions: 100} // the same versions, to be mean
	return w
}

// actor does one thing, step by step.
type actor struct {
	w       *world
	name    string
	do      func(a *actor, s *crossingstore.Store)
	s       *crossingstore.Store
	yield   func(string) bool
	next    func() (string, bool)
	stop    func()
	at      string // the call that it is about to make
	steps   int
	over    bool
	failAt  int  // the call with this number gets no answer; 0: none
	effect  bool // it is carried out all the same
	crashAt int  // the actor never makes the call with this number; 0: none
}

type killed struct{}

func (w *world) add(name string, do func(*actor, *crossingstore.Store)) *actor {
	a := &actor{w: w, name: name, do: do}
	a.s = w.store(a)
	w.actors = append(w.actors, a)
	return a
}

// store is a crossing store whose calls are a's. nil: nobody's, they run at once.
func (w *world) store(a *actor) *crossingstore.Store {
	s, err := crossingstore.New(&port{w.to, a}, &port{w.from, a}, crossingstore.Config{Now: func() time.Time { return w.clock }})
	if err != nil {
		panic(err)
	}
	s.Hurry()
	return s
}

func (a *actor) start() {
	a.next, a.stop = iter.Pull(func(yield func(string) bool) {
		defer func() {
			if p := recover(); p != nil && p != (killed{}) {
				panic(p)
			}
		}()
		a.yield = yield
		a.do(a, a.s)
	})
	a.run()
}

// run makes the call that a is about to make, and goes on to before the next.
func (a *actor) run() {
	at, more := a.next()
	a.at, a.over = at, !more
	if a.crashAt != 0 && a.steps == a.crashAt {
		a.over = true
		a.stop()
	}
}

// step waits until it is a's turn. It returns what the call at hand has to return if it gets no answer.
func (a *actor) step(what string) (fails, effect bool) {
	if a == nil {
		return false, true
	}
	a.steps++
	if !a.yield(what) {
		panic(killed{})
	}
	fails = a.steps == a.failAt
	return fails, !fails || a.effect
}

func (a *actor) tell(what, data string, begin int) {
	a.w.ticks++
	a.w.events = append(a.w.events, event{a.name, what, data, begin, a.w.ticks})
}

func (a *actor) tick() int { a.w.ticks++; return a.w.ticks }

// port is an actor's connection to a table.
type port struct {
	*table
	a *actor
}

func (p *port) Info() driver.Info { return driver.Info{Name: p.name, InMemory: true} }

func (p *port) call(what string, do func() error) error {
	fails, effect := p.a.step(p.name + "." + what)
	var err error
	if effect {
		err = do()
	}
	if fails {
		return driver.Unavailable("steps", errors.New("no answer"))
	}
	return err
}

func (t *table) live(id driver.ID) (driver.Record, error) {
	rec, ok := t.records[id]
	if !ok || !rec.Live(t.w.clock) {
		return driver.Record{}, driver.ErrNotFound
	}
	return rec, nil
}

func (t *table) version(id driver.ID, version uint64) (driver.Record, error) {
	rec, err := t.live(id)
	if err == nil && rec.Version != version {
		err = driver.ErrConflict
	}
	return rec, err
}

func (p *port) Load(_ context.Context, id driver.ID) (rec driver.Record, err error) {
	failed := p.call("Load", func() error { rec, err = p.live(id); return err })
	return rec, failed
}

// Create takes two steps, since the record may be there before it is in the lists.
func (p *port) Create(_ context.Context, rec *driver.Record) error {
	created := *rec
	err := p.call("Create", func() error { return p.create(&created) })
	if err == nil {
		err = p.call("enlist", func() error { p.listed[rec.ID] = true; return nil })
	}
	if err == nil {
		*rec = created
	}
	return err
}

func (t *table) create(rec *driver.Record) error {
	if _, err := t.live(rec.ID); err == nil {
		return driver.ErrExists
	}
	if t.versions++; t.restarts {
		t.versions = 1
	}
	rec.Version = t.versions
	kept := *rec
	kept.Exact = false
	t.records[rec.ID] = kept
	delete(t.listed, rec.ID)
	return nil
}

func (p *port) Update(_ context.Context, rec *driver.Record) error {
	changed := *rec
	err := p.call("Update", func() error { return p.update(&changed) })
	if err == nil {
		*rec = changed
	}
	return err
}

func (t *table) update(rec *driver.Record) error {
	kept, err := t.version(rec.ID, rec.Version)
	if err != nil {
		return err
	}
	if rec.Subject == "" {
		kept.Subject, kept.Labels = "", nil
	}
	if rec.Used.After(kept.Used) {
		kept.Used = rec.Used
	}
	if rec.Exact || rec.Expires.After(kept.Expires) {
		kept.Expires = rec.Expires
	}
	t.versions = max(t.versions, kept.Version) + 1
	if t.restarts {
		t.versions = kept.Version + 1
	}
	kept.Data, kept.Version = rec.Data, t.versions
	t.records[rec.ID] = kept
	rec.Version = kept.Version
	return nil
}

func (p *port) Touch(_ context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	return p.call("Touch", func() error {
		kept, err := p.version(id, version)
		if err == nil && expires.After(kept.Expires) {
			kept.Expires = expires
			p.records[id] = kept
		}
		return err
	})
}

func (p *port) Delete(_ context.Context, id driver.ID) error {
	return p.call("Delete", func() error { delete(p.records, id); return nil })
}

// All is one step, and the records of that moment.
func (p *port) All(context.Context) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		var page []driver.Record
		err := p.call("All", func() error {
			for _, id := range slices.SortedFunc(maps.Keys(p.records), func(a, b driver.ID) int { return int(a[0]) - int(b[0]) }) {
				if rec, err := p.live(id); err == nil && p.listed[id] {
					page = append(page, rec)
				}
			}
			return nil
		})
		if err != nil {
			yield(driver.Record{}, err)
			return
		}
		for _, rec := range page {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// explorer goes through the orders in which actors take their steps.
type explorer struct {
	preemptions int // how often an actor is left that could go on; negative: as often as one likes

	choices, options []int
	trace            []string
}

// run calls make for a new world, and check at its end, for every order. It returns the number of orders, and the first
// complaint of check.
func (x *explorer) run(make func() *world, check func(*world) error) (orders int, err error) {
	for {
		w := make()
		x.one(w)
		orders++
		if err := check(w); err != nil {
			return orders, fmt.Errorf("%w\n%v\nevents: %+v\nto: %+v\nfrom: %+v", err, x.trace, w.events, w.to.records, w.from.records)
		}
		for len(x.choices) > 0 {
			last := len(x.choices) - 1
			if x.choices[last]++; x.choices[last] < x.options[last] {
				break
			}
			x.choices, x.options = x.choices[:last], x.options[:last]
		}
		if len(x.choices) == 0 {
			return orders, nil
		}
	}
}

func (x *explorer) one(w *world) {
	x.trace = x.trace[:0]
	for _, a := range w.actors {
		a.start()
	}
	left := x.preemptions
	var last *actor
	for at := 0; ; {
		var can []*actor
		for _, a := range w.actors {
			if !a.over {
				can = append(can, a)
			}
		}
		if last != nil && !last.over { // it comes first, so that the first order is one after the other
			i := slices.Index(can, last)
			can[0], can[i] = can[i], can[0]
			if left == 0 {
				can = can[:1]
			}
		}
		switch len(can) {
		case 0:
			return
		case 1:
		default:
			if at == len(x.choices) {
				x.choices, x.options = append(x.choices, 0), append(x.options, len(can))
			}
			i := x.choices[at]
			at++
			if i > 0 && last != nil && !last.over {
				left--
			}
			can[0] = can[i]
		}
		last = can[0]
		x.trace = append(x.trace, last.name+":"+last.at)
		last.run()
	}
}
