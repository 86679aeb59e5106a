package crossingstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
)

// What must hold in every order of the steps of several servers, wherever one is killed or gets no answer: who has
// signed out stays so, nobody else is signed out, and no acknowledged change is lost.

var (
	ctx     = context.Background()
	theID   = driver.ID{1}
	overNow = "over"
)

const graceful = 30 * time.Second // core's ended record

// beginnings are what there is when the actors begin.
var beginnings = map[string]func(*world){
	"in the old store": func(w *world) { w.put(w.from, "0") },
	"copy left behind": func(w *world) { // a server was killed after the take-over, and the user went on
		w.put(w.from, "0")
		w.put(w.to, "0+before")
	},
	"reservation left behind": func(w *world) {
		w.put(w.from, "0")
		w.put(w.to, reservation)
	},
	"reservation of a session that is over": func(w *world) {
		w.put(w.to, reservation)
		w.events = append(w.events, event{what: "ending"}, event{what: "ended"})
		w.ticks++
	},
}

const reservation = "\x01\xffreserved by crossingstore"

func (w *world) put(t *table, data string) {
	rec := driver.Record{ID: theID, Subject: "alice", Created: w.clock, Used: w.clock, Expires: w.clock.Add(time.Hour), Data: []byte(data)}
	if err := t.create(&rec); err != nil {
		panic(err)
	}
	t.listed[theID] = true
}

// load is a request that only reads.
func load(a *actor, s *crossingstore.Store) { look(a, s) }

func look(a *actor, s *crossingstore.Store) (driver.Record, bool) {
	begin := a.tick()
	rec, err := s.Load(ctx, theID)
	switch {
	case errors.Is(err, driver.ErrNotFound) || err == nil && string(rec.Data) == overNow:
		a.tell("none", "", begin)
	case err == nil && rec.ID == theID && rec.Subject == "alice":
		a.tell("live", string(rec.Data), begin)
		return rec, true
	case err == nil:
		a.tell("wrong", fmt.Sprintf("%+v", rec), begin)
	}
	return rec, false
}

// write is a request that appends its name.
func write(a *actor, s *crossingstore.Store) {
	for range 5 {
		rec, live := look(a, s)
		if !live {
			return
		}
		begin := a.tick()
		rec.Data = append(rec.Data[:len(rec.Data):len(rec.Data)], "+"+a.name...)
		err := s.Update(ctx, &rec)
		if err == nil {
			a.tell("wrote", a.name, begin)
		}
		if !errors.Is(err, driver.ErrConflict) {
			return
		}
	}
}

// signOut is what core does: an Update to a record that lasts for 30 s. Then they pass.
func signOut(a *actor, s *crossingstore.Store) { endBy(graceful)(a, s) }

// endAtOnce is what core's RevokeAll does: an Update to a record that has expired.
func endAtOnce(a *actor, s *crossingstore.Store) { endBy(-graceful)(a, s) }

func endBy(life time.Duration) func(*actor, *crossingstore.Store) {
	return func(a *actor, s *crossingstore.Store) {
		begin := a.tick()
		for range 5 {
			rec, live := look(a, s)
			if !live {
				return
			}
			if begin > 0 {
				a.tell("ending", "", begin)
				begin = 0
			}
			rec.Data, rec.Subject, rec.Labels, rec.Exact, rec.Expires = []byte(overNow), "", nil, true, a.w.clock.Add(life)
			err := s.Update(ctx, &rec)
			if err == nil {
				a.tell("ended", "", a.tick())
				a.step("the clock")
				a.w.clock = a.w.clock.Add(graceful + time.Second)
				return
			}
			if !errors.Is(err, driver.ErrConflict) {
				return
			}
		}
	}
}

// revoke is a Delete from outside.
func revoke(a *actor, s *crossingstore.Store) {
	a.tell("ending", "", a.tick())
	begin := a.tick()
	if s.Delete(ctx, theID) == nil {
		a.tell("ended", "", begin)
	}
}

// revokeListed ends what a list shows, with the version that it shows.
func revokeListed(a *actor, s *crossingstore.Store) {
	a.tell("ending", "", a.tick())
	for rec, err := range driver.AbilitiesOf(s).Lister.All(ctx) {
		if err != nil || string(rec.Data) == overNow {
			return
		}
		for range 5 {
			rec.Data, rec.Subject, rec.Exact, rec.Expires = []byte(overNow), "", true, a.w.clock.Add(-graceful)
			begin := a.tick()
			err := s.Update(ctx, &rec)
			if err == nil || errors.Is(err, driver.ErrNotFound) {
				a.tell("ended", "", begin)
				return
			}
			if !errors.Is(err, driver.ErrConflict) {
				return
			}
			if rec, err = s.Load(ctx, theID); errors.Is(err, driver.ErrNotFound) {
				a.tell("ended", "", begin)
				return
			} else if err != nil || string(rec.Data) == overNow {
				return
			}
		}
	}
}

// list must show a live session exactly once.
func list(a *actor, s *crossingstore.Store) {
	begin, seen := a.tick(), 0
	for rec, err := range driver.AbilitiesOf(s).Lister.All(ctx) {
		if err != nil {
			return
		}
		if string(rec.Data) != overNow {
			seen++
			a.tell("listed", string(rec.Data), begin)
		}
	}
	if seen > 1 {
		a.tell("wrong", "listed twice", begin)
	}
	if seen == 0 {
		a.tell("none", "", begin)
	}
}

// move is what Move does for one record, after it has seen it.
func move(a *actor, s *crossingstore.Store) {
	for rec, err := range (&port{a.w.from, a}).All(ctx) {
		if err == nil {
			_ = crossingstore.MoveOne(s, ctx, &rec, true)
		}
	}
}

// check tells which promise the events and the storages break.
func (w *world) check() error {
	const never = 1 << 30
	ending, ended := never, never
	for _, e := range w.events {
		switch e.what {
		case "ending":
			ending = min(ending, e.begin)
		case "ended":
			ended = min(ended, e.end)
		}
	}
	fresh := &actor{w: w, name: "afterwards"}
	for _, later := range []time.Duration{0, graceful + time.Second, 2 * time.Minute} {
		w.clock = w.clock.Add(later)
		look(fresh, w.store(nil))
		list(fresh, w.store(nil))
	}
	gone := never
	for _, e := range w.events {
		switch {
		case e.what == "wrong":
			return fmt.Errorf("%s: %s", e.who, e.data)
		case (e.what == "live" || e.what == "listed") && !strings.HasPrefix(e.data, "0"):
			return fmt.Errorf("%s: %s is %q", e.who, e.what, e.data)
		case e.begin > ended && (e.what == "live" || e.what == "wrote" || e.what == "listed"):
			return fmt.Errorf("%s finds a session that has ended", e.who)
		case e.what == "none" && e.end < ending:
			return fmt.Errorf("%s finds no session, and nobody has ended it", e.who)
		}
		if e.what == "none" {
			gone = min(gone, e.end)
		}
	}
	for _, e := range w.events {
		if e.begin > gone && (e.what == "live" || e.what == "wrote") {
			return fmt.Errorf("%s finds a session that was gone before", e.who)
		}
		for _, wrote := range w.events {
			if wrote.what == "wrote" && wrote.end < e.begin && (e.what == "live" || e.what == "listed" && e.who == "afterwards") && !strings.Contains(e.data, "+"+wrote.data) {
				return fmt.Errorf("%s does not see what %s has written", e.who, wrote.who)
			}
		}
	}
	return nil
}

type doing struct {
	name string
	do   func(*actor, *crossingstore.Store)
}

var (
	aLoad, bLoad     = doing{"load", load}, doing{"load2", load}
	aWrite, bWrite   = doing{"write", write}, doing{"write2", write}
	aSignOut, aEnd   = doing{"sign out", signOut}, doing{"end", endAtOnce}
	aRevoke, aListed = doing{"revoke", revoke}, doing{"revoke listed", revokeListed}
	aMove, bMove     = doing{"move", move}, doing{"move2", move}
	aList            = doing{"list", list}
	pairs            = [][]doing{{aLoad, bLoad}, {aLoad, aSignOut}, {aLoad, aEnd}, {aLoad, aRevoke}, {aLoad, aListed}, {aWrite, aSignOut}, {aWrite, bWrite}, {aWrite, aRevoke}, {aMove, aSignOut}, {aMove, aRevoke}, {aMove, aListed}, {aMove, aWrite}, {aMove, bMove}, {aList, aMove}, {aList, aWrite}, {aList, aLoad}}
	triples          = [][]doing{{aLoad, bLoad, aRevoke}, {aLoad, bLoad, aEnd}, {aLoad, aMove, aRevoke}, {aLoad, aMove, aSignOut}, {aLoad, aWrite, aSignOut}, {aWrite, bWrite, aMove}, {aList, aMove, aLoad}, {aLoad, aMove, aListed}, {aWrite, aMove, aRevoke}}
)

func names(doings []doing) string {
	var all []string
	for _, d := range doings {
		all = append(all, d.name)
	}
	return strings.Join(all, ", ")
}

func worldOf(begin func(*world), doings []doing) *world {
	w := newWorld()
	begin(w)
	for _, d := range doings {
		w.add(d.name, d.do)
	}
	return w
}
