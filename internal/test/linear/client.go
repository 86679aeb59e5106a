package linear

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

const counter core.Key[int] = "n"

var keys = [2]core.Key[int]{"a", "b"}

// trace is what the Observer learned of one request.
type trace struct {
	now     func() int64
	late    bool
	trouble bool
	revoked []revoked
	failed  core.ID // what could not be revoked
}

type revoked struct {
	id core.ID
	at int64
}

type traceKey struct{}

// observe is core.Config.Observer.
func observe(ctx context.Context, e core.Event) {
	t, ok := ctx.Value(traceKey{}).(*trace)
	if !ok {
		return
	}
	switch {
	case e.Kind == core.EventLate:
		t.late = true
	case e.Kind == core.EventDestroy:
		t.revoked = append(t.revoked, revoked{e.ID, t.now()})
	case errors.Is(e.Err, core.ErrUnavailable):
		t.trouble = true
		if e.Kind == core.EventDelete {
			t.failed = e.ID
		}
	}
}

// choices is how often a request does what.
var choices = []struct {
	kind   kind
	weight int
}{
	{kindLoad, 24}, {kindSet, 22}, {kindAdd, 22}, {kindRotate, 9}, {kindLogin, 7}, {kindLogout, 3}, {kindRevoke, 3}, {kindRevokeSubject, 2},
}

func choose(rng *rand.Rand) kind {
	all := 0
	for _, c := range choices {
		all += c.weight
	}
	n := rng.IntN(all)
	for _, c := range choices {
		if n -= c.weight; n < 0 {
			return c.kind
		}
	}
	return kindLoad
}

// client is one tab: it sends requests one after the other.
type client struct {
	*run
	number int
	rng    *rand.Rand
}

// request sends one. It reports whether the storage answered.
func (c *client) request(what kind) (answered bool) {
	c.linger(3)
	t := &trace{now: c.now}
	ctx := context.WithValue(context.Background(), traceKey{}, t)
	m := c.managers[c.rng.IntN(len(c.managers))]
	base := op{Client: c.number, Request: c.count()}
	switch what {
	case kindRevoke, kindRevokeSubject:
		return c.revoke(ctx, m, what, base, t)
	}
	cookie := c.present(c.rng)
	base.Token, base.Session = c.numbers(cookie)

	base.Kind, base.Call = kindLoad, c.now()
	var lines http.Header
	if cookie != "" {
		lines = http.Header{"Cookie": {cookie}}
	}
	x := m.Adapter().Begin(ctx, lines)
	s, err := x.Session(ctx)
	base.Return = c.now()
	if err != nil { // a load changes nothing
		x.Discard()
		return false
	}
	base.Found = foundNone
	switch {
	case !s.IsNew():
		base.Found, base.Saw = foundLive, c.read(s)
		if c.sessionOf(s.ID()) != base.Session {
			base.Found = foundOther
		}
	case t.late:
		base.Found = foundLate
	}
	if base.Token != 0 {
		c.record(base)
	}
	if base.Found != foundLive {
		c.forget(cookie, c.rng)
	}
	if what == kindLoad || what == kindRotate && base.Found != foundLive {
		_, _ = x.Commit(ctx, http.StatusOK)
		_ = x.Finish(ctx)
		return true
	}
	c.linger(5)
	return c.change(ctx, x, s, what, base, t)
}

// change does something to the session and sends the response.
func (c *client) change(ctx context.Context, x *core.Exchange, s *core.Session, what kind, o op, t *trace) bool {
	o.Kind, o.Loaded, o.Saw = what, o.Saw, nil
	save := (what == kindLogin || what == kindSet || what == kindAdd) && c.rng.IntN(2) == 0
	o.Call = c.now()
	var err error
	switch what {
	case kindSet:
		o.Key, o.Value = c.rng.IntN(2), o.Request
		err = keys[o.Key].Set(s, o.Value)
	case kindAdd:
		err = counter.Update(s, func(n int) int { return n + 1 })
	case kindRotate:
		err = s.RotateID()
	case kindLogin:
		o.Subject = 1 + c.rng.IntN(len(c.subjects))
		err = s.Login(c.subjects[o.Subject-1])
	case kindLogout:
		err = s.Logout()
	}
	t.trouble = false // the load's has been made good
	status := http.StatusOK
	if save && err == nil {
		switch err = s.Save(ctx); {
		case err == nil:
			o.Saw = c.read(s)
		case !errors.Is(err, core.ErrEnded) && c.rng.IntN(2) == 0: // a handler that passes over it: Commit does it again
			if save, err = false, nil; what == kindSet { // and perhaps for the second time
				tried := o
				tried.Return, tried.Unknown = c.now(), true
				c.record(tried)
				o.Call = c.now()
			}
		default:
			status = core.HTTPStatus(err)
		}
		o.Return = c.now()
		c.linger(3)
	}
	out, failed := x.Commit(ctx, status)
	if !save {
		o.Return = c.now()
		if err == nil {
			err = failed
		}
		if err == nil && what != kindLogout {
			o.Saw = c.read(s)
		}
	}
	id := s.ID()
	_ = x.Finish(ctx)
	o.Trouble = t.trouble
	o.fail(err)
	if pair, _, ok := strings.Cut(out.Value, ";"); ok {
		if o.Deleted = strings.HasSuffix(pair, "="); o.Deleted {
			c.receive("", 0)
		} else {
			if o.Found != foundLive || what == kindLogin {
				o.Begun = c.sessionNumber(id)
			}
			session := o.Session
			if o.Begun != 0 {
				session = o.Begun
			}
			o.Issued = c.receive(pair, session)
		}
	} else if what == kindLogin && err == nil {
		o.Begun = c.sessionNumber(id) // it has gone before the response
	}
	c.record(o)
	return !o.Unknown
}

// fail puts into o what err says of it.
func (o *op) fail(err error) {
	if err == nil {
		return
	}
	o.Error = err.Error()
	switch {
	case errors.Is(err, core.ErrEnded):
		o.Ended = true
	case o.Kind == kindRevokeSubject && errors.Is(err, core.ErrIncomplete):
		o.Incomplete = true
	case core.HTTPStatus(err) == http.StatusServiceUnavailable:
		o.Unknown = true
	default:
		o.Broken = o.Error
	}
}

// revoke ends a session, or all of a user, from outside.
func (c *client) revoke(ctx context.Context, m *core.Manager, what kind, o op, t *trace) bool {
	var err error
	o.Kind = what
	if what == kindRevoke {
		var id core.ID
		if o.Session, id = c.known(c.rng); o.Session == 0 {
			return true
		}
		o.Call = c.now()
		err = m.Revoke(ctx, id)
	} else {
		o.Subject = 1 + c.rng.IntN(len(c.subjects))
		o.Call = c.now()
		_, err = m.RevokeSubject(ctx, c.subjects[o.Subject-1])
	}
	o.Return = c.now()
	o.fail(err)
	if what == kindRevokeSubject {
		for _, r := range t.revoked {
			o.Revoked, o.RevokedAt = append(o.Revoked, c.sessionNumber(r.id)), append(o.RevokedAt, r.at)
		}
		if o.Unknown && t.failed != (core.ID{}) {
			o.Session = c.sessionNumber(t.failed)
		}
	}
	c.record(o)
	return !o.Unknown
}

// read is what a request sees of its session.
func (c *client) read(s *core.Session) *values {
	v := &values{Count: counter.GetOr(s, 0), Subject: c.subjectNumber(s.Subject())}
	for i, key := range keys {
		v.Keys[i] = key.GetOr(s, 0)
	}
	return v
}

// linger lets others in, often for no time at all.
func (c *client) linger(most int) {
	switch n := c.rng.IntN(2 + most); {
	case n < 2:
	case n == 2:
		runtime.Gosched()
	default:
		time.Sleep(time.Duration(c.rng.IntN(150)) * time.Microsecond)
	}
}
