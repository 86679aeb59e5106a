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

// A meeting is one line of the table of overlapping requests: what one request does, what other requests do to the
// same session meanwhile, and the outcome for all of them. The rules in rules_table.go and its neighbours are lists
// of meetings.
//
// Every session begins with count 1 and the message "old". The actions of a request are written as "set, login bob":
// see doAction for the words. A "|" among them is the moment of the other requests. Without it the meeting takes
// place twice, each time with a new session: the others come before the first action, and (not with -short) after
// the last one.
type meeting struct {
	from       string   // whose session it is: "visitor", "alice", each for both, or "stranger" for none
	actions    string   // what the request does
	meanwhile  []string // what the other requests do, one after the other
	atConflict string   // what another request does after this one has met its first conflict
	store      fault    // how the store fails for this request
	timing     timing

	answer   string // the response: served, ended, late or refused
	cookie   string // its cookie: newToken, noCookie or cookieDeleted
	newest   string // the state of the browser's newest session, or noSession: see browser.state
	others   string // the state of the other requests' session, if that is another one
	messages string // the messages that the request saw
	mayLeave bool   // a session may be left that no client has the token of
}

// timing says when the other requests come.
type timing byte

const (
	overlapped timing = iota // between this request's load and its commit
	lateOnly                 // before its load
)

// each stands for a visitor's session in one meeting and for alice's in another one.
const each = "each"

// expiring stands among the other requests, and is none: the session expires.
const expiring = "expire"

// The outcomes of a request.
const (
	served  = "served"  // the handler's response
	ended   = "ended"   // 409: the session has ended
	late    = "late"    // 409 with Retry-After: the token was replaced before the request came
	refused = "refused" // 503

	newToken      = "new token"      // a cookie with a token
	noCookie      = "no cookie"      // no Set-Cookie
	cookieDeleted = "cookie deleted" // a Set-Cookie that deletes

	noSession = "no session" // instead of the state of a session
)

// meet makes a meeting. The other requests are separated by "; ".
func meet(from, this, others, answer, cookie, newest string) meeting {
	m := meeting{from: from, actions: this, answer: answer, cookie: cookie, newest: newest}
	if others != "" {
		m.meanwhile = strings.Split(others, "; ")
	}
	return m
}

// mayLeaveOne allows one session more: it could not be taken back in time, and no client has its token.
func (m meeting) mayLeaveOne() meeting { m.mayLeave = true; return m }

// The others set one field each.
func (m meeting) comesLate() meeting                  { m.timing = lateOnly; return m }
func (m meeting) conflictsWith(deed string) meeting   { m.atConflict = deed; return m }
func (m meeting) othersHave(s string) meeting         { m.others = s; return m }
func (m meeting) seesMessages(flashes string) meeting { m.messages = flashes; return m }
func (m meeting) while(f fault) meeting               { m.store = f; return m }

// fault sets hooks around the store's calls of the request under test. others is the browser of the other requests.
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

// variants returns the meetings that m stands for: see meeting and each.
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

// twoServers is two applications on one storage. The request under test goes to here, the others to there.
type twoServers struct {
	*env
	here, there *site
	arrived     chan bool // the request under test has come to its "|"
	goOn        chan bool // it may go on
}

func (e *env) twoServers() *twoServers {
	e.Helper()
	two := &twoServers{env: e, arrived: make(chan bool), goOn: make(chan bool)}
	two.here = e.serve(Options{}, routes{"/": func(c Ctx) error { return two.serve(two.here.m, c) }})
	two.there = e.serveSecond(Options{}, routes{"/": func(c Ctx) error { return two.serve(two.there.m, c) }})
	return two
}

// serve is the handler: it does the actions that the request names in X-Do, and answers with the messages that it saw.
func (two *twoServers) serve(m *core.Manager, c Ctx) error {
	s, _ := c.Session() // after an error, Login and Logout are still possible
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

// doAction makes one call. word is the action's name, and for some a user's name.
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
		err = fmt.Errorf("no such action: %q", word)
	}
	return list, err
}

// endAllSessions ends the sessions that an earlier meeting has left.
func (two *twoServers) endAllSessions() {
	two.Helper()
	ctx := context.Background()
	for s, err := range two.there.m.All(ctx) {
		two.must(err)
		two.must(two.there.m.Revoke(ctx, s.ID()))
	}
}

// newBrowser returns a browser with the session that the meeting begins with.
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

// run sends the requests of one meeting and checks the response and the sessions.
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
		two.Errorf("%s: the log reports dropped changes: %t, want %t", m, !dropped, dropped)
	}
	two.fault.Reset()
	r.sent = m.String()
	m.checkResponse(r)
	newest := others.copyOf() // a browser that got the response of the request under test last
	for _, line := range r.Header["Set-Cookie"] {
		newest.keepCookie(line)
	}
	two.checkSessions(m, first, others, newest)
}

// droppedInLog returns how often the log reports changes that were not stored.
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
		two.Errorf("%s: answered before the other requests came: %v", m, r)
		return nil
	}
	for _, words := range m.meanwhile {
		two.otherRequest(others, words)
	}
	two.goOn <- true
	return <-got
}

// otherRequest is the part of another request, or of an operator at the other server: "operator" revokes the browser's
// session, "closed alice" revokes all sessions of alice.
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

// onConflict lets another request come after the first conflict of the one under test, before its second attempt.
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

// checkSessions checks which sessions are alive and what is in them. There must be no others.
func (two *twoServers) checkSessions(m meeting, first, others, newest *browser) {
	two.Helper()
	alive := two.here.sessions()
	if _, live := first.storedCount(); live && first.token() != newest.token() {
		two.Errorf("%s: the first cookie still has a session", m)
	}
	want := 0
	expect := func(whose string, b *browser, state string) {
		if state != noSession {
			want++
		}
		if got := b.state(); got != state {
			two.Errorf("%s: the session of the %s cookie is %q, want %q", m, whose, got, state)
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

// state describes the session of the browser's cookie: "alice count:1 note:x flash:y". It takes the messages out.
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
