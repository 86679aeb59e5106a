package adaptertest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about the cookies of a request and the Set-Cookie line of a response. Requests are written by hand, because
// client libraries repair malformed ones.

var cookieRules = []rule{
	{
		name: "which cookie counts",
		text: "Given several cookies of the session's name, in one line or two, malformed or unknown ones among them, then the one with a live session counts, with every adapter; if two have one, none counts.",
		run:  whichCookie,
	},
	{
		name: "the line",
		text: "Given a partitioned cookie, when a token is sent, then the Set-Cookie line is the same with every adapter, to the letter.",
		run: func(e *env) {
			e.cfg.Cookie = core.Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}
			b := e.page(Options{}, countVisits(e)).browser()
			want := regexp.MustCompile(`^__Host-session=[A-Za-z0-9_-]{43,}; Max-Age=1209600; Path=/; HttpOnly; Secure; SameSite=None; Partitioned$`)
			if lines := b.get("/").sessionCookies(); len(lines) != 1 || !want.MatchString(lines[0]) {
				e.Errorf("Set-Cookie %q, want %s", lines, want)
			}
		},
	},
	{
		name: "another system's cookie",
		text: "Given Config.Adopt and a request with a cookie of another system, when its session is taken over, or signed out at once, then the response deletes that cookie.",
		run:  otherSystemsCookie,
	},
	{
		name: "one connection, two users",
		text: "Given two users behind one connection, as a proxy keeps it, when their requests alternate, then no request sees anything of the other user's.",
		run:  oneConnection,
	},
}

// rawConn is a client connection on which requests are written by hand.
type rawConn struct {
	*site
	conn net.Conn
	r    *bufio.Reader
}

func (s *site) dial() *rawConn {
	s.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	s.must(err)
	s.Cleanup(func() { _ = conn.Close() })
	return &rawConn{s, conn, bufio.NewReader(conn)}
}

// get sends a GET request with these header lines and returns the response, read to its end.
func (w *rawConn) get(path string, lines ...string) *response {
	w.Helper()
	r, err := w.try(path, lines...)
	w.must(err)
	return r
}

func (w *rawConn) write(path string, lines ...string) error {
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "Host:") }) {
		lines = append([]string{"Host: localhost"}, lines...)
	}
	_, err := fmt.Fprintf(w.conn, "GET %s HTTP/1.1\r\n%s\r\n", path, strings.Join(append(lines, ""), "\r\n"))
	return err
}

// try is get for the goroutines of a rule: it returns the error that makes get end the rule.
func (w *rawConn) try(path string, lines ...string) (*response, error) {
	if err := w.write(path, lines...); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(w.r, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	r := &response{Response: res, b: &browser{site: w.site}, body: string(body), err: err, sent: "GET " + path + " by hand"}
	r.inspect()
	return r, nil
}

func whichCookie(e *env) {
	s := e.page(Options{}, func(c Ctx) error {
		return c.String(200, "count "+itoa(count.GetOr(e.session(c), -1)))
	})
	b := s.withSession("")
	good, name := b.token(), cookieName(e.cfg)
	second := s.withSession("").token()
	fill := strings.NewReplacer("NAME", name, "name", strings.ToLower(name), "GOOD", good, "OTHER", second,
		"UNKNOWN", strings.Repeat("A", 43), "MANY", strings.Repeat("a=b; ", 300))
	for _, test := range cookieLines {
		r := s.dial().get("/", fill.Replace(test.lines))
		if r.body != test.want {
			e.Errorf("%q: %s, want %s", test.lines, r.body, test.want)
		}
		r.leavesCookie()
	}
}

// cookieLines are header lines and what a handler sees for them: a session with count 1, or none (-1). GOOD and OTHER
// are tokens of two live sessions.
var cookieLines = []struct{ lines, want string }{
	{"Cookie: NAME=GOOD", "count 1"},
	{"cookie: a=1; NAME=GOOD; b=2", "count 1"},
	{"Cookie: a=1;NAME=GOOD", "count 1"},
	{"Cookie: NAME=bad\"; NAME=GOOD", "count 1"},
	{"Cookie: NAME=; NAME=GOOD", "count 1"},
	{"Cookie: NAME=UNKNOWN; NAME=GOOD", "count 1"},
	{"Cookie: NAME=GOOD; NAME=UNKNOWN", "count 1"},
	{"Cookie: NAME=GOOD; NAME=GOOD", "count 1"},
	{"Cookie: a=1\r\nCookie: NAME=GOOD", "count 1"},
	{"Cookie: NAME=bad\r\nCookie: NAME=GOOD", "count 1"},
	{"Cookie: NAME=GOOD\r\nCookie: b=2", "count 1"},
	{"Cookie: MANYNAME=GOOD", "count 1"},
	{"Cookie: NAME=GOOD; MANY", "count 1"},

	{"Cookie: NAME=GOOD; NAME=OTHER", "count -1"}, // cookie tossing
	{"Cookie: NAME=GOOD\r\nCookie: NAME=OTHER", "count -1"},
	{"Cookie: name=GOOD", "count -1"},
	{"Cookie: NAME =GOOD", "count -1"},
	{"Cookie: xNAME=GOOD", "count -1"},
	{"Cookie: NAME=\"GOOD\"", "count -1"},
	{"Cookie: NAME=GOODx", "count -1"},
	{"Cookie: NAME=a; NAME=b; NAME=c; NAME=d; NAME=GOOD", "count -1"},
	{"Cookie: ;;==;\"", "count -1"},
	{"X-Session: GOOD", "count -1"},
}

func oneConnection(e *env) {
	kept := map[string]*core.Session{}
	s := e.page(Options{}, func(c Ctx) error {
		session := e.session(c)
		kept[session.ID().String()] = session
		return c.String(200, note.GetOr(session, "nobody"))
	})
	users := []string{"ALICE", "bobby"}
	cookies := map[string]string{}
	for _, user := range users {
		b := s.withSession(user, func(s *core.Session) { e.ok(note.Set(s, user), "Set") })
		cookies[user] = "Cookie: " + b.cookies[0]
	}
	w := s.dial()
	for i := range 20 {
		user := users[i%2]
		w.get("/", cookies[user]).is(200, user)
	}
	w.get("/").is(200, "nobody")
	if len(kept) != len(users)+1 {
		e.Errorf("%d sessions seen, want %d", len(kept), len(users)+1)
	}
	for id, session := range kept {
		if subject := session.Subject(); subject != "" && session.ID().String() != id {
			e.Errorf("the session of %s was %s and is %s", subject, id, session.ID())
		}
	}
}

func otherSystemsCookie(e *env) {
	e.cfg.Adopt = func(context.Context, []*http.Cookie) (*core.Adoption, error) {
		return &core.Adoption{
			Subject: "alice", Taken: func(context.Context) error { return nil },
			Forget: []*http.Cookie{{Name: "old", Path: "/"}, {Name: "older", Path: "/"}},
		}, nil
	}
	s := e.serve(Options{}, routes{"/": shown(e), "/out": func(c Ctx) error {
		e.ok(e.session(c).Logout(), "Logout")
		return c.NoContent(204)
	}})
	for path, lines := range map[string]int{"/": 3, "/out": 2} {
		r := s.dial().get(path, "Cookie: old=1; older=2")
		var deleted int
		for _, line := range r.Header["Set-Cookie"] {
			if line == "old=; Path=/; Max-Age=0; HttpOnly" || line == "older=; Path=/; Max-Age=0; HttpOnly" {
				deleted++
			}
		}
		if all := r.Header["Set-Cookie"]; deleted != 2 || len(all) != lines {
			e.Errorf("%s: Set-Cookie %q, want the deletion of old and older among %d lines", path, all, lines)
		}
	}
}
