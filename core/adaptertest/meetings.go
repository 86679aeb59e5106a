package adaptertest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// A meeting is a request whose session is changed or ended by other requests while it runs, and what
// becomes of all of them. The rules of rules_table.go are made of meetings.
//
// Every session begins with count 1 and the message "old". What requests do is written as in
// "set, login bob": see deed for the words. A "|" is where the others come; without one
// they come before the first deed, and once more, with a new session, after the last (not with -short).
type meeting struct {
	from      string   // whose session it is: visitor, alice; each stands for both; stranger: there is none
	this      string   // what the request does
	meanwhile []string // what others do, one after the other
	clash     string   // what another one does when this one has met the first conflict
	fault     fault    // what the store does to this request's calls
	order     order

	answer string // made, ended, late, refused
	cookie string // own, none, deletion
	newest string // what the browser's newest cookie stands for, "nothing" if for no session
	beside string // what the others' cookie stands for, if that is another session
	sees   string // the messages that the request saw
	leaves bool   // it may leave a session behind that nobody has the token of
}

// order is when the others come.
type order byte

const (
	overlapped order = iota // between this request's load and its commit
	lateOnly                // before its load
)

const each = "each"

// expiring is no deed: the session's time comes.
const expiring = "expire"

// What becomes of a response and of its cookie.
const (
	made     = "made"
	ended    = "ended"
	late     = "late"
	refused  = "refused"
	own      = "own"
	unsent   = "none"
	deletion = "deletion"
	nothing  = "nothing"
)

// meet is a meeting; others are separated by ";".
func meet(from, this, others, answer, cookie, newest string) meeting {
	m := meeting{from: from, this: this, answer: answer, cookie: cookie, newest: newest}
	if others != "" {
		m.meanwhile = strings.Split(others, "; ")
	}
	return m
}

// orphan allows for a session that could not be taken back in time, and that nobody has the token of.
func (m meeting) orphan() meeting { m.leaves = true; return m }

func (m meeting) comesLate() meeting            { m.order = lateOnly; return m }
func (m meeting) thenMeets(deed string) meeting { m.clash = deed; return m }
func (m meeting) standsBeside(s string) meeting { m.beside = s; return m }
func (m meeting) shows(flashes string) meeting  { m.sees = flashes; return m }

func (m meeting) while(f fault) meeting { m.fault = f; return m }

// fault puts hooks around the calls of the application here. others is the browser of other requests.
type fault func(q *square, others *browser)

func (m meeting) String() string {
	text := fmt.Sprintf("%s: %s", m.from, m.this)
	if len(m.meanwhile) > 0 {
		text += fmt.Sprintf(", meanwhile %s", strings.Join(m.meanwhile, "; "))
	}
	if m.clash != "" {
		text += ", and then " + m.clash
	}
	if m.order == lateOnly {
		text += ", late"
	}
	return text
}

// all are the meetings that m stands for.
func (m meeting) all() (list []meeting) {
	owners := []string{m.from}
	if m.from == each {
		owners = []string{"visitor", "alice"}
	}
	for _, from := range owners {
		one := m
		one.from = from
		one.newest = strings.Replace(m.newest, each, from, 1)
		one.beside = strings.Replace(m.beside, each, from, 1)
		if strings.Contains(m.this, "|") || m.order == lateOnly || len(m.meanwhile) == 0 {
			list = append(list, one)
			continue
		}
		last := one
		last.this = "|" + m.this
		list = append(list, last)
		if slow := slices.Contains(m.meanwhile, expiring); slow || testing.Short() {
			continue
		}
		one.this = m.this + "|"
		list = append(list, one)
	}
	return list
}

// square is where meetings take place: two applications on one storage.
type square struct {
	*env
	here, there *site
	arrived     chan bool // the request under test has its session
	goOn        chan bool
}

func (e *env) square() *square {
	e.Helper()
	q := &square{env: e, arrived: make(chan bool), goOn: make(chan bool)}
	q.here = e.serve(Options{}, routes{"/": func(c Ctx) error { return q.serve(q.here.m, c) }})
	q.there = e.twin(Options{}, routes{"/": func(c Ctx) error { return q.serve(q.there.m, c) }})
	return q
}

// serve does what the request says.
func (q *square) serve(m *core.Manager, c Ctx) error {
	s, _ := c.Session() // Login and Logout are possible where it cannot be read
	before, after, waits := strings.Cut(strings.Clone(c.Header("X-Do")), "|")
	seen := q.deeds(m, c, s, before)
	if waits {
		q.arrived <- true
		<-q.goOn
		seen = append(seen, q.deeds(m, c, s, after)...)
	}
	return c.String(http.StatusOK, secret+" "+strings.Join(seen, " "))
}

func (q *square) deeds(m *core.Manager, c Ctx, s *core.Session, words string) (seen []string) {
	for word := range strings.SplitSeq(words, ", ") {
		list, err := deed(m, c, s, word)
		for _, f := range list {
			seen = append(seen, f.Text)
		}
		if err != nil && c.Header("X-Strict") != "" {
			q.Errorf("%s: %v", word, err)
		}
	}
	return seen
}

// deed is one call.
func deed(m *core.Manager, c Ctx, s *core.Session, word string) (list []core.Flash, err error) {
	what, who, _ := strings.Cut(word, " ")
	switch what {
	case "", "read":
		_ = s.Keys()
	case "set":
		err = count.Set(s, 99)
	case "add":
		err = count.Update(s, func(n int) int { return n + 10 })
	case "note":
		err = note.Set(s, "theirs")
	case "remove":
		err = count.Delete(s)
	case "clear":
		err = s.Clear()
	case "flash":
		err = s.AddFlash("info", "new")
	case "flashes":
		list, err = s.Flashes(c.Context())
	case "rotate":
		err = s.RotateID()
	case "login":
		err = s.Login(who)
	case "logout":
		err = s.Logout()
	case "save":
		err = s.Save(c.Context())
	case "revoke":
		err = m.Revoke(c.Context(), s.ID())
	case "revokeall":
		_, err = m.RevokeSubject(c.Context(), who)
	case "revokeothers":
		_, err = m.RevokeSubject(c.Context(), who, s.ID())
	default:
		err = fmt.Errorf("no such deed: %q", word)
	}
	return list, err
}

// empty ends what an earlier meeting has left.
func (q *square) empty() {
	q.Helper()
	ctx := context.Background()
	for s, err := range q.there.m.All(ctx) {
		q.must(err)
		q.must(q.there.m.Revoke(ctx, s.ID()))
	}
}

// begin is a browser with a session.
func (q *square) begin(m meeting) *browser {
	q.Helper()
	subject := m.from
	switch subject {
	case "stranger":
		return q.here.browser()
	case "visitor":
		subject = ""
	}
	return q.here.seeded(subject, func(s *core.Session) {
		q.ok(s.AddFlash("info", "old"), "AddFlash")
		if slices.Contains(m.meanwhile, expiring) {
			q.ok(s.ExpireAt(time.Now().Add(400*time.Millisecond)), "ExpireAt")
		}
	})
}

// run lets one meeting take place and looks at what is left.
func (q *square) run(m meeting) {
	q.Helper()
	q.empty()
	b := q.begin(m)
	first := b.copyOf()
	others := b.on(q.there)
	q.fault.Reset()
	q.clashes(m, first, others)
	if m.fault != nil {
		m.fault(q, others)
	}
	told := q.drops()
	r := q.happens(m, b.copyOf(), others)
	if r == nil {
		return
	}
	if dropped := m.answer == ended || m.answer == late; dropped != (q.drops() > told) && m.answer != refused {
		q.Errorf("%s: the log tells of dropped changes: %t, want %t", m, !dropped, dropped)
	}
	q.fault.Reset()
	r.sent = m.String()
	m.look(r)
	newest := others.copyOf() // a browser that got the others' responses first, and this one's last
	for _, line := range r.Header["Set-Cookie"] {
		newest.take(line)
	}
	q.left(m, first, others, newest)
}

// drops is how often the log has told of changes that were not stored.
func (q *square) drops() int { return strings.Count(q.log.String(), "session changes not stored") }

// happens sends all requests and returns the response of the one under test.
func (q *square) happens(m meeting, b, others *browser) *response {
	q.Helper()
	if !strings.Contains(m.this, "|") {
		for _, words := range m.meanwhile {
			q.does(others, words)
		}
		return b.get("/", "X-Do", m.this)
	}
	got := make(chan *response, 1)
	go func() {
		r, err := b.try("GET", "/", "X-Do", m.this)
		q.ok(err, m.String())
		got <- r
	}()
	select {
	case <-q.arrived:
	case r := <-got:
		q.Errorf("%s: answered before its time: %v", m, r)
		return nil
	}
	for _, words := range m.meanwhile {
		q.does(others, words)
	}
	q.goOn <- true
	return <-got
}

// does is what another request does, or an operator at another server.
func (q *square) does(b *browser, words string) {
	q.Helper()
	ctx := context.Background()
	switch what, who, _ := strings.Cut(words, " "); what {
	case "operator":
		b.peek(func(s *core.Session) { q.ok(q.there.m.Revoke(ctx, s.ID()), "Revoke") })
	case "closed":
		_, err := q.there.m.RevokeSubject(ctx, who)
		q.ok(err, "RevokeSubject")
	case expiring:
		time.Sleep(450 * time.Millisecond)
	default:
		if r, err := b.try("GET", "/", "X-Do", words, "X-Strict", "1"); err != nil || r.StatusCode != http.StatusOK {
			q.Errorf("the other request, %s: %v, %v", words, r, err)
		}
	}
}

// clashes lets another request come between a conflict of the one under test and its second attempt.
func (q *square) clashes(m meeting, b, others *browser) {
	if m.clash == "" {
		return
	}
	var id core.ID
	b.peek(func(s *core.Session) { id = s.ID() })
	writes := 0
	q.fault.Before(func(c storetest.Call) error {
		if c.ID == id && (c.Method == "Update" || c.Method == "Succeed") {
			if writes++; writes == 2 {
				q.does(others, m.clash)
			}
		}
		return nil
	})
}

// look checks the response.
func (m meeting) look(r *response) {
	r.b.Helper()
	switch m.answer {
	case made:
		r.is(http.StatusOK, secret+" "+m.sees)
	case ended:
		r.ended()
	case late:
		r.late()
	case refused:
		r.refused()
	}
	switch m.cookie {
	case own:
		r.setsCookie()
	case unsent:
		r.leavesCookie()
	case deletion:
		r.deletesCookie()
	}
}

// left checks which sessions are alive, and what they hold: those and no others.
func (q *square) left(m meeting, first, others, newest *browser) {
	q.Helper()
	alive := q.here.live()
	if _, live := first.holds(); live && first.token() != newest.token() {
		q.Errorf("%s: the first cookie is alive", m)
	}
	want := 0
	expect := func(whose string, b *browser, state string) {
		if state != nothing {
			want++
		}
		if got := b.state(); got != state {
			q.Errorf("%s: the %s cookie stands for %q, want %q", m, whose, got, state)
		}
	}
	expect("newest", newest, m.newest)
	if m.beside != "" {
		expect("others'", others, m.beside)
	} else if others.token() != newest.token() {
		expect("others'", others, nothing)
	}
	if alive != want && !(m.leaves && alive == want+1) {
		q.Errorf("%s: %d sessions are alive, want %d", m, alive, want)
	}
}

// state is what a browser's cookie stands for: "alice count:1 note:x flash:y". It takes the messages.
func (b *browser) state() (text string) {
	b.Helper()
	b.peek(func(s *core.Session) {
		if s.IsNew() {
			text = nothing
			return
		}
		text = s.Subject()
		if text == "" {
			text = "visitor"
		}
		if n, err := count.Get(s); err == nil {
			text += " count:" + itoa(n)
		}
		if v, err := note.Get(s); err == nil {
			text += " note:" + v
		}
		list, err := s.Flashes(context.Background())
		b.ok(err, "Flashes")
		for _, f := range list {
			text += " flash:" + f.Text
		}
	})
	return text
}
