package linear

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// status is what has become of a session.
type status byte

const (
	unborn         status = iota
	alive                 // its token opens it
	endedByLogin          // its former tokens are late
	endedByRequest        // the same, by a Logout
	gone                  // revoked: its tokens are nothing
	unsure                // over in one of these ways
)

func (s status) String() string {
	return [...]string{"unborn", "alive", "ended by Login", "ended", "gone", "over"}[s]
}

// session is one session as the model has it. What it held when it ended stays.
type session struct {
	status status
	token  int // the one that opens it; negative: nobody was told
	values values

	unknown int // adds of unknown outcome so far. They are all alike, so it is enough to try them in the order in which they began
}

// state is every session of a history, by number.
type state []session

// model is the rules of sessions: what ARCHITECTURE.md promises, as one step for each event.
var model = porcupine.Model{
	Init: func() any { return state(nil) },
	Step: func(st, in, _ any) (bool, any) {
		next, ok := st.(state).step(in.(*op))
		return ok, next
	},
	Equal: func(a, b any) bool { return slices.Equal(a.(state), b.(state)) },
	Hash:  func(st any) uint64 { return st.(state).hash() },

	DescribeOperation: func(in, _ any) string { return in.(*op).String() },
	DescribeState:     func(st any) string { return st.(state).String() },
}

func (st state) get(n int) session {
	if n < 1 || n > len(st) {
		return session{}
	}
	return st[n-1]
}

// with is st with another session n. A state is never written to.
func (st state) with(n int, s session) state {
	next := make(state, max(len(st), n))
	copy(next, st)
	next[n-1] = s
	return next
}

func (st state) ends(n int, how status) state {
	s := st.get(n)
	s.status = how
	return st.with(n, s)
}

// begins is st with a session that a request was told of. One that was revoked before the answer stays gone.
func (st state) begins(o *op, v values) (state, bool) {
	s := session{status: alive, token: o.Issued, values: v}
	if s.token == 0 {
		s.token = -o.Request // a request that found out, before it answered, that the session had gone
	}
	switch st.get(o.Begun).status {
	case unborn:
	case gone:
		s.status = gone
	default:
		return st, false
	}
	return st.with(o.Begun, s), o.Begun > 0 && saw(o, v)
}

// saw reports whether the request saw v, if it looked.
func saw(o *op, v values) bool { return o.Saw == nil || *o.Saw == v }

// step is what o does to the sessions, and whether it can have had the answer that it had. An op of unknown outcome
// has no end, so that it may come after all others, where it makes no difference: that is "it was not carried out".
func (st state) step(o *op) (state, bool) {
	if o.Broken != "" || o.Found == foundOther {
		return st, false
	}
	s := st.get(o.Session)
	switch o.Kind {
	case kindLoad:
		return st, loads(s, o)
	case kindSet, kindAdd:
		return st.write(s, o)
	case kindRotate:
		return st.rotate(s, o)
	case kindLogin:
		return st.login(s, o)
	case kindLogout:
		return st.logout(s, o)
	case kindRevoke:
		return st.revoke(s, o)
	case kindOver:
		return st, !slices.ContainsFunc(o.Revoked, func(n int) bool { return st.get(n).status == alive })
	case kindBegin:
		return st.begins(o, *o.Saw)
	case kindMayEnd:
		return st.ends(o.Session, over(s.status)), true
	case kindForget:
		next := slices.Clone(st)
		for i := range next {
			if next[i].status != unborn {
				next[i].status = gone
			}
		}
		return next, true
	}
	return st, false
}

// over is the status after an end that nobody knows much of.
func over(s status) status {
	if s == unborn || s == gone {
		return s
	}
	return unsure
}

func loads(s session, o *op) bool {
	switch {
	case s.status == alive && s.token == o.Token:
		return o.Found == foundLive && *o.Saw == s.values
	case s.status == alive, s.status == endedByLogin, s.status == endedByRequest:
		return o.Found == foundLate
	case s.status == gone:
		return o.Found == foundNone
	}
	return s.status == unsure && o.Found != foundLive
}

// after is what a set or an add makes of v.
func (o *op) after(v values) values {
	if o.Kind == kindAdd {
		v.Count++
	} else {
		v.Keys[o.Key] = o.Value
	}
	return v
}

func (st state) write(s session, o *op) (state, bool) {
	switch {
	case o.Found == foundLate:
		return st, o.Ended || o.Unknown
	case o.Found != foundLive && o.Unknown:
		return st, true // a new session, whose token nobody has
	case o.Unknown && o.Kind == kindAdd:
		if s.unknown != o.Before {
			return st, false
		}
		if s.unknown++; s.status == alive {
			s.values = o.after(s.values)
		}
		return st.with(o.Session, s), true
	case o.Found != foundLive:
		next, ok := st.begins(o, o.after(values{}))
		return next, ok && !o.Ended
	case o.Ended, o.Unknown && s.status != alive:
		return st, s.status != alive
	case s.status != alive:
		return st, false
	}
	s.values = o.after(s.values)
	return st.with(o.Session, s), o.Unknown || saw(o, s.values) && (o.Issued == 0 || o.Issued == o.Token)
}

func (st state) rotate(s session, o *op) (state, bool) {
	switch {
	case o.Ended, o.Unknown && s.status != alive:
		return st, s.status != alive
	case s.status != alive:
		return st, false
	case o.Unknown:
		s.token = -o.Request
	case o.Issued != 0:
		s.token = o.Issued
	default: // that of another request counts for both
		return st, s.token != o.Token && saw(o, s.values)
	}
	return st.with(o.Session, s), o.Unknown || saw(o, s.values)
}

func (st state) logout(s session, o *op) (state, bool) {
	switch {
	case o.Ended:
		return st, false
	case o.Found == foundNone:
		return st, !o.Deleted
	case o.Unknown:
		return st.ends(o.Session, over(s.status)), true
	case !o.Deleted: // of a late one it is not known here whether it had the token before
		return st, o.Found == foundLate || s.status != alive
	case o.Trouble: // ended before by its own first try, which had no answer
		return st.ends(o.Session, over(s.status)), true
	case s.status != alive:
		return st, false
	case o.Found == foundLate && s.token == o.Token:
		return st, false
	}
	return st.ends(o.Session, endedByRequest), true
}

func (st state) revoke(s session, o *op) (state, bool) {
	if o.Unknown {
		return st.ends(o.Session, over(s.status)), true
	}
	return st.ends(o.Session, gone), true
}

// login begins Begun. What the new session holds depends on what has become of the old one.
func (st state) login(s session, o *op) (state, bool) {
	fresh := values{Subject: o.Subject}
	switch {
	case o.Found != foundLive && o.Unknown:
		return st, true
	case o.Found != foundLive:
		next, ok := st.begins(o, fresh)
		return next, ok && !o.Ended
	case o.Unknown:
		return st.ends(o.Session, over(s.status)), true
	case o.Ended: // it must not outlive the RevokeSubject of its own user
		return st, (s.status == gone || s.status == unsure) && s.values.Subject == o.Subject
	}
	own := s.values.Subject == 0 || s.values.Subject == o.Subject
	if !own {
		// Another user's session: it is ended, and nothing of it is taken over.
		next, ok := st.begins(o, fresh)
		if s.status == alive {
			next = next.ends(o.Session, ended(o))
		}
		return next, ok && s.status != unborn
	}
	switch s.status {
	case alive:
		taken := s.values
		taken.Subject = o.Subject
		next, ok := st.begins(o, taken)
		return next.ends(o.Session, ended(o)), ok
	case endedByLogin:
		next, ok := st.begins(o, *o.Saw)
		return next, ok && beside(s, o)
	case endedByRequest:
		return st.begins(o, fresh)
	case gone:
		next, ok := st.begins(o, fresh)
		return next, ok && s.values.Subject == 0
	case unsure:
		next, ok := st.begins(o, *o.Saw)
		return next, ok && (*o.Saw == fresh || beside(s, o))
	}
	return st, false
}

func ended(o *op) status {
	if o.Trouble {
		return unsure
	}
	return endedByLogin
}

// beside reports whether a session that was begun beside that of another request's Login holds what its request has
// loaded, or a later state of the old session.
func beside(s session, o *op) bool {
	return o.Saw.Subject == o.Subject && o.Loaded.Count <= o.Saw.Count && o.Saw.Count <= s.values.Count
}

func (st state) hash() uint64 {
	h := uint64(14695981039346656037)
	for _, s := range st {
		for _, n := range [...]int{int(s.status), s.token, s.values.Subject, s.values.Count, s.values.Keys[0], s.values.Keys[1], s.unknown} {
			h = (h ^ uint64(n)) * 1099511628211
		}
	}
	return h
}

func (st state) String() string {
	var b strings.Builder
	for i, s := range st {
		if s.status != unborn {
			fmt.Fprintf(&b, "s%d %v t%d %v\n", i+1, s.status, s.token, s.values)
		}
	}
	return b.String()
}

func (v values) String() string { return fmt.Sprintf("u%d n=%d %v", v.Subject, v.Count, v.Keys) }

func (o *op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#%d %s", o.Request, o.Kind)
	for _, part := range []struct {
		show bool
		text string
	}{
		{o.Session > 0, fmt.Sprintf(" s%d", o.Session)},
		{o.Token > 0, fmt.Sprintf(" t%d", o.Token)},
		{o.Found != "" && o.Kind != kindLoad, fmt.Sprintf(" (%s)", o.Found)},
		{o.Kind == kindSet, fmt.Sprintf(" k%d=%d", o.Key, o.Value)},
		{o.Subject > 0, fmt.Sprintf(" u%d", o.Subject)},
		{true, " ->"},
		{o.Found != "" && o.Kind == kindLoad, " " + string(o.Found)},
		{o.Unknown, " unknown"},
		{o.Ended, " ended"},
		{o.Trouble, " after an outage"},
		{o.Broken != "", " " + o.Broken},
		{o.Begun > 0, fmt.Sprintf(" begins s%d", o.Begun)},
		{o.Issued > 0, fmt.Sprintf(" t%d", o.Issued)},
		{o.Deleted, " cookie deleted"},
		{len(o.Revoked) > 0, fmt.Sprintf(" %d", o.Revoked)},
	} {
		if part.show {
			b.WriteString(part.text)
		}
	}
	if o.Saw != nil {
		fmt.Fprintf(&b, " %v", *o.Saw)
	}
	return b.String()
}
