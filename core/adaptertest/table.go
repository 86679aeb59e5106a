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
	from       string   // whose session it is: visitor, alice; each stands for both; stranger: there is none
	actions    string   // what the request does
	meanwhile  []string // what others do, one after the other
	atConflict string   // what another one does when this one has met the first conflict
	store      fault    // what the store does to this request's calls
	timing     timing

	answer   string // made, ended, late, refused
	cookie   string // own, none, deletion
	newest   string // what the browser's newest cookie stands for, "nothing" if for no session
	others   string // what the others' cookie stands for, if that is another session
	messages string // the messages that the request saw
	mayLeave bool   // it may leave a session behind that nobody has the token of
}

// timing is when the others come.
type timing byte

const (
	overlapped timing = iota // between this request's load and its commit
	lateOnly                 // before its load
)

const each = "each"

// expiring is no deed: the session's time comes.
const expiring = "expire"

// What becomes of a response and of its cookie.
const (
	served        = "made"
	ended         = "ended"
	late          = "late"
	refused       = "refused"
	newToken      = "own"
	noCookie      = "none"
	cookieDeleted = "deletion"
	noSession     = "nothing"
)

// meet is a meeting; others are separated by ";".
func meet(from, this, others, answer, cookie, newest string) meeting {
	m := meeting{from: from, actions: this, answer: answer, cookie: cookie, newest: newest}
	if others != "" {
		m.meanwhile = strings.Split(others, "; ")
	}
	return m
}

// mayLeaveOne allows for a session that could not be taken back in time, and that nobody has the token of.
func (m meeting) mayLeaveOne() meeting { m.mayLeave = true; return m }

func (m meeting) comesLate() meeting                  { m.timing = lateOnly; return m }
func (m meeting) conflictsWith(deed string) meeting   { m.atConflict = deed; return m }
func (m meeting) othersHave(s string) meeting         { m.others = s; return m }
func (m meeting) seesMessages(flashes string) meeting { m.messages = flashes; return m }

func (m meeting) while(f fault) meeting { m.store = f; return m }

// fault puts hooks around the calls of the application here. others is the browser of other requests.
type fault func(two *twoServers, others *browser)

func (m meeting) String() string {
	text := fmt.Sprintf("%s: %s", m.from, m.actions)
	if len(m.meanwhile) > 0 {
		text += fmt.Sprintf(", meanwhile %s", strings.Join(m.meanwhile, "; "))
	}
	if m.atConflict != "" {
		text += ", and then " + m.atConflict
	}
	if m.timing == lateOnly {
		text += ", late"
	}
	return text
}

// variants are the meetings that m stands for.
func (m meeting) variants() (list []meeting) {
	owners := []string{m.from}
	if m.from == each {
		owners = []string{"visitor", "alice"}
	}
	for _, from := range owners {
		one := m
		one.from = from
		one.newest = strings.Replace(m.newest, each, from, 1)
		one.others = strings.Replace(m.others, each, from, 1)
		if strings.Contains(m.actions, "|") || m.timing == lateOnly || len(m.meanwhile) == 0 {
			list = append(list, one)
			continue
		}
		last := one
		last.actions = "|" + m.actions
		list = append(list, last)
		if slow := slices.Contains(m.meanwhile, expiring); slow || testing.Short() {
			continue
		}
		one.actions = m.actions + "|"
		list = append(list, one)
	}
	return list
}

// twoServers is where meetings take place: two applications on one storage.
type twoServers struct {
	*env
	here, there *site
	arrived     chan bool // the request under test has its session
	goOn        chan bool
}

func (e *env) twoServers() *twoServers {
	e.Helper()
	two := &twoServers{env: e, arrived: make(chan bool), goOn: make(chan bool)}
	two.here = e.serve(Options{}, routes{"/": func(c Ctx) error { return two.serve(two.here.m, c) }})
	two.there = e.serveSecond(Options{}, routes{"/": func(c Ctx) error { return two.serve(two.there.m, c) }})
	return two
}

// serve does what the request says.
func (two *twoServers) serve(m *core.Manager, c Ctx) error {
	s, _ := c.Session() // Login and Logout are possible where it cannot be read
	before, after, waits := strings.Cut(strings.Clone(c.Header("X-Do")), "|")
	seen := two.actions(m, c, s, before)
	if waits {
		two.arrived <- true
		<-two.goOn
		seen = append(seen, two.actions(m, c, s, after)...)
	}
	return c.String(http.StatusOK, secret+" "+strings.Join(seen, " "))
}

func (two *twoServers) actions(m *core.Manager, c Ctx, s *core.Session, words string) (seen []string) {
	for word := range strings.SplitSeq(words, ", ") {
		list, err := doAction(m, c, s, word)
		for _, f := range list {
			seen = append(seen, f.Text)
		}
		if err != nil && c.Header("X-Strict") != "" {
			two.Errorf("%s: %v", word, err)
		}
	}
	return seen
}

// doAction is one call.
func doAction(m *core.Manager, c Ctx, s *core.Session, word string) (list []core.Flash, err error) {
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

// endAllSessions ends what an earlier meeting has left.
func (two *twoServers) endAllSessions() {
	two.Helper()
	ctx := context.Background()
	for s, err := range two.there.m.All(ctx) {
		two.must(err)
		two.must(two.there.m.Revoke(ctx, s.ID()))
	}
}

// newBrowser is a browser with a session.
func (two *twoServers) newBrowser(m meeting) *browser {
	two.Helper()
	subject := m.from
	switch subject {
	case "stranger":
		return two.here.browser()
	case "visitor":
		subject = ""
	}
	return two.here.withSession(subject, func(s *core.Session) {
		two.ok(s.AddFlash("info", "old"), "AddFlash")
		if slices.Contains(m.meanwhile, expiring) {
			two.ok(s.ExpireAt(time.Now().Add(400*time.Millisecond)), "ExpireAt")
		}
	})
}

// run lets one meeting take place and looks at what is left.
func (two *twoServers) run(m meeting) {
	two.Helper()
	two.endAllSessions()
	b := two.newBrowser(m)
	first := b.copyOf()
	others := b.on(two.there)
	two.fault.Reset()
	two.onConflict(m, first, others)
	if m.store != nil {
		m.store(two, others)
	}
	told := two.droppedInLog()
	r := two.sendAll(m, b.copyOf(), others)
	if r == nil {
		return
	}
	if dropped := m.answer == ended || m.answer == late; dropped != (two.droppedInLog() > told) && m.answer != refused {
		two.Errorf("%s: the log tells of dropped changes: %t, want %t", m, !dropped, dropped)
	}
	two.fault.Reset()
	r.sent = m.String()
	m.checkResponse(r)
	newest := others.copyOf() // a browser that got the others' responses first, and this one's last
	for _, line := range r.Header["Set-Cookie"] {
		newest.keepCookie(line)
	}
	two.checkSessions(m, first, others, newest)
}

// droppedInLog is how often the log has told of changes that were not stored.
func (two *twoServers) droppedInLog() int {
	return strings.Count(two.log.String(), "session changes not stored")
}

// sendAll sends all requests and returns the response of the one under test.
func (two *twoServers) sendAll(m meeting, b, others *browser) *response {
	two.Helper()
	if !strings.Contains(m.actions, "|") {
		for _, words := range m.meanwhile {
			two.otherRequest(others, words)
		}
		return b.get("/", "X-Do", m.actions)
	}
	got := make(chan *response, 1)
	go func() {
		r, err := b.try("GET", "/", "X-Do", m.actions)
		two.ok(err, m.String())
		got <- r
	}()
	select {
	case <-two.arrived:
	case r := <-got:
		two.Errorf("%s: answered before its time: %v", m, r)
		return nil
	}
	for _, words := range m.meanwhile {
		two.otherRequest(others, words)
	}
	two.goOn <- true
	return <-got
}

// otherRequest is what another request does, or an operator at another server.
func (two *twoServers) otherRequest(b *browser, words string) {
	two.Helper()
	ctx := context.Background()
	switch what, who, _ := strings.Cut(words, " "); what {
	case "operator":
		b.peek(func(s *core.Session) { two.ok(two.there.m.Revoke(ctx, s.ID()), "Revoke") })
	case "closed":
		_, err := two.there.m.RevokeSubject(ctx, who)
		two.ok(err, "RevokeSubject")
	case expiring:
		time.Sleep(450 * time.Millisecond)
	default:
		if r, err := b.try("GET", "/", "X-Do", words, "X-Strict", "1"); err != nil || r.StatusCode != http.StatusOK {
			two.Errorf("the other request, %s: %v, %v", words, r, err)
		}
	}
}

// onConflict lets another request come between a conflict of the one under test and its second attempt.
func (two *twoServers) onConflict(m meeting, b, others *browser) {
	if m.atConflict == "" {
		return
	}
	var id core.ID
	b.peek(func(s *core.Session) { id = s.ID() })
	writes := 0
	two.fault.Before(func(c storetest.Call) error {
		if c.ID == id && (c.Method == "Update" || c.Method == "Succeed") {
			if writes++; writes == 2 {
				two.otherRequest(others, m.atConflict)
			}
		}
		return nil
	})
}

// checkResponse checks the response.
func (m meeting) checkResponse(r *response) {
	r.b.Helper()
	switch m.answer {
	case served:
		r.is(http.StatusOK, secret+" "+m.messages)
	case ended:
		r.ended()
	case late:
		r.late()
	case refused:
		r.refused()
	}
	switch m.cookie {
	case newToken:
		r.setsCookie()
	case noCookie:
		r.leavesCookie()
	case cookieDeleted:
		r.deletesCookie()
	}
}

// checkSessions checks which sessions are alive, and what they hold: those and no others.
func (two *twoServers) checkSessions(m meeting, first, others, newest *browser) {
	two.Helper()
	alive := two.here.sessions()
	if _, live := first.storedCount(); live && first.token() != newest.token() {
		two.Errorf("%s: the first cookie is alive", m)
	}
	want := 0
	expect := func(whose string, b *browser, state string) {
		if state != noSession {
			want++
		}
		if got := b.state(); got != state {
			two.Errorf("%s: the %s cookie stands for %q, want %q", m, whose, got, state)
		}
	}
	expect("newest", newest, m.newest)
	if m.others != "" {
		expect("others'", others, m.others)
	} else if others.token() != newest.token() {
		expect("others'", others, noSession)
	}
	if alive != want && !(m.mayLeave && alive == want+1) {
		two.Errorf("%s: %d sessions are alive, want %d", m, alive, want)
	}
}

// state is what a browser's cookie stands for: "alice count:1 note:x flash:y". It takes the messages.
func (b *browser) state() (text string) {
	b.Helper()
	b.peek(func(s *core.Session) {
		if s.IsNew() {
			text = noSession
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
