package adaptertest

import (
	"bufio"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// flaw is a mistake that adapters make.
type flaw int

const (
	none flaw = iota
	noCommitAtEnd
	flushPassesBy
	hijackPassesBy
	bodyAfterFailure
	headerAfterFailure
	cookieBeforeSave
	statusIgnored
	panicSaved
	commitAtHint
	sessionLoadedAlways
	mountedTwiceUnseen
	sessionNeverClosed
	firstCookieOnly
	varyReplaced
	tokenElsewhere
	hangs
	endedIgnored
	cookieEchoed
	deletionDropped
	errorHandlerIgnored
	lateFailureIgnored
	abortPassedOn
	logoutCookieLost
	callErrorsServed
	trailersAfterFailure
	onlyOneLine
)

// mutants are adapters with one mistake each, and a rule that must fail for it.
var mutants = []struct {
	name string
	flaw flaw
	rule string
}{
	{"nothing is committed when the handler writes nothing", noCommitAtEnd, "save with nothing"},
	{"nothing is committed when the handler writes nothing", noCommitAtEnd, "store refuses nothing"},
	{"Flush finds a way around", flushPassesBy, "flush first"},
	{"Hijack finds a way around", hijackPassesBy, "hijack"},
	{"Hijack finds a way around", hijackPassesBy, "hijack refused"},
	{"the body follows the error page", bodyAfterFailure, "store refuses body"},
	{"the body follows the error page", bodyAfterFailure, "the Nth call fails, gzip inside"},
	{"the header survives a failure", headerAfterFailure, "store refuses redirect"},
	{"the cookie is set whether the save works or not", cookieBeforeSave, "store refuses body"},
	{"a 500 is saved", statusIgnored, "nothing saved: status 500"},
	{"a panic is saved", panicSaved, "nothing saved: panic, recovered outside"},
	{"a 103 commits", commitAtHint, "early hints"},
	{"every request loads its session", sessionLoadedAlways, "untouched"},
	{"the second middleware begins anew", mountedTwiceUnseen, "mounted twice"},
	{"only the first line of Out is sent", onlyOneLine, "another system's cookie"},
	{"the session stays open", sessionNeverClosed, "after the request"},
	{"the session stays open", sessionNeverClosed, "Done ends with the request"},
	{"only the first cookie is looked at", firstCookieOnly, "which cookie counts"},
	{"Vary is replaced", varyReplaced, "Vary is merged"},
	{"tokens are in another header", tokenElsewhere, "rotation"},
	{"the response never comes", hangs, "save with body"},
	{"an ended session is no error", endedIgnored, "table: changes meet an end"},
	{"an ended session is no error", endedIgnored, "table: a late change"},
	{"an ended session is no error", endedIgnored, "a change beside the visitor's own sign-in"},
	{"the request's token is sent back", cookieEchoed, "table: changes meet RotateID"},
	{"the request's token is sent back", cookieEchoed, "overlapping writes and rotations"},
	{"the request's token is sent back", cookieEchoed, "a touch that is refused"},
	{"no cookie is ever deleted", deletionDropped, "emptied"},
	{"no cookie is ever deleted", deletionDropped, "table: Logout meets changes"},
	{"no cookie is ever deleted", deletionDropped, "two cookies, signing out"},
	{"only the first cookie is looked at", firstCookieOnly, "two cookies, signing in"},
	{"only the first cookie is looked at", firstCookieOnly, "two cookies, reading"},
	{"the error handler is not asked", errorHandlerIgnored, "error handler and an ended session"},
	{"a late failure is ignored", lateFailureIgnored, "a save fails after the first byte, plain"},
	{"a late failure is ignored", lateFailureIgnored, "a save fails after the first byte, recovered and gzip outside"},
	{"a late failure is ignored", lateFailureIgnored, "a save fails after the first byte, over HTTP/2"},
	{"the handler's abort is passed on", abortPassedOn, "a refused save in a reverse proxy"},
	{"the handler's abort is passed on", abortPassedOn, "a refused save in a reverse proxy, over HTTP/2"},
	{"trailers follow the error page", trailersAfterFailure, "trailers of a refused save"},
	{"a Logout before a panic leaves the cookie", logoutCookieLost, "nothing saved: panic, recovered outside"},
	{"a failed call is told as a 200", callErrorsServed, "an ignored error"},
	{"an error that was answered is answered again", statusIgnored, "an error that is answered"},
}

// TestMutants: the suite can fail. Each mutant fails its rule, and a correct adapter of the same build passes it.
func TestMutants(t *testing.T) {
	for _, mutant := range mutants {
		t.Run(mutant.name+"/"+mutant.rule, func(t *testing.T) {
			t.Parallel()
			if failures := failuresOf(t, none, mutant.rule); len(failures) > 0 {
				t.Fatalf("a correct adapter fails: %q", failures)
			}
			failures := failuresOf(t, mutant.flaw, mutant.rule)
			if len(failures) == 0 {
				t.Fatal("not seen")
			}
			t.Log(failures[0])
		})
	}
}

// TestIgnoredOptions: an adapter that lacks one of the options fails.
func TestIgnoredOptions(t *testing.T) {
	for _, name := range []string{
		"a passive request", "RequireLogin, a browser", "RequireLogin, a script", "RequireLogin without a LoginURL", "RequireFresh",
		"RequireLogin, answered otherwise",
	} {
		for _, deaf := range []bool{false, true} {
			skipped, failures := check(t, Harness{Adapter: netHTTP{deaf: deaf}, New: memory, Timeout: time.Minute}, ruleOf(t, name))
			if skipped != "" || deaf == (len(failures) == 0) {
				t.Errorf("%s, ignored: %t: skipped %q, failures %q", name, deaf, skipped, failures)
			}
		}
	}
}

func failuresOf(t *testing.T, f flaw, name string) []string {
	return failuresOnStore(t, memory, f, name)
}

func failuresOnStore(t *testing.T, store func(testing.TB) func(testing.TB) driver.Store, f flaw, name string) []string {
	h := Harness{Adapter: netHTTP{mutate: f.mount}, New: store, Timeout: 5 * time.Minute} // forty rules run at once
	if f == hangs || f == sessionNeverClosed {
		h.Timeout = time.Second
	}
	skipped, failures := check(t, h, ruleOf(t, name))
	if skipped != "" {
		t.Fatal(skipped)
	}
	return failures
}

func ruleOf(t *testing.T, name string) rule {
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
	if i < 0 {
		t.Fatalf("no rule %q", name)
	}
	return rules[i]
}

// mount returns the middleware of a small adapter for net/http that has this flaw.
func (f flaw) mount(m *core.Manager, onError func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if m.Adapter().Exchange(r.Context()) != nil && f != mountedTwiceUnseen {
				next.ServeHTTP(w, r)
				return
			}
			f.serve(m, onError, next, w, r)
		})
	}
}

func (f flaw) serve(m *core.Manager, onError func(http.ResponseWriter, *http.Request, error), next http.Handler, w http.ResponseWriter, r *http.Request) {
	header := r.Header
	if lines := r.Header["Cookie"]; f == firstCookieOnly && len(lines) > 0 {
		first, _, _ := strings.Cut(strings.Join(lines, ";"), ";")
		header = http.Header{"Cookie": {first}}
	}
	e := &mutant{ResponseWriter: w, flaw: f, x: m.Adapter().Begin(r.Context(), header), r: r, onError: onError}
	e.r = r.WithContext(e.x.Context())
	if f == sessionLoadedAlways {
		_, _ = e.x.Session(r.Context())
	}
	if f == hangs {
		time.Sleep(2 * time.Second)
	}
	done := false
	defer func() {
		if e.answer != nil && f != trailersAfterFailure {
			clear(w.Header())
			maps.Copy(w.Header(), e.answer)
		}
		if f == panicSaved {
			_ = e.ready(200)
		}
		if !done {
			if out := e.x.Discard(); !e.sent && f != logoutCookieLost {
				out.Apply(w.Header())
			}
		}
		if e.err != nil && f != abortPassedOn {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}
	}()
	var out http.ResponseWriter = e
	if f == flushPassesBy {
		out = struct {
			http.ResponseWriter
			unwrapper
		}{e, unwrapper{w}}
	}
	next.ServeHTTP(out, e.r)
	if f != noCommitAtEnd {
		_ = e.ready(200)
	}
	done = true
	if f != sessionNeverClosed && e.x.Finish(r.Context()) != nil && f != lateFailureIgnored {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0))
	}
}

type unwrapper struct{ w http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.w }

// mutant is a response writer with a flaw.
type mutant struct {
	http.ResponseWriter
	flaw
	x       *core.Exchange
	r       *http.Request
	onError func(http.ResponseWriter, *http.Request, error)
	sent    bool
	err     error
	answer  http.Header // of onError
}

func (e *mutant) ready(status int) error {
	if e.sent {
		return e.err
	}
	e.sent = true
	if e.flaw == statusIgnored {
		status = 200
	}
	h := e.Header()
	if e.flaw == cookieBeforeSave {
		h.Add("Set-Cookie", "__Host-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	}
	out, err := e.x.Commit(e.r.Context(), status)
	if e.flaw == endedIgnored && errors.Is(err, core.ErrEnded) {
		err = nil
	}
	if e.flaw == callErrorsServed && !errors.Is(err, core.ErrUnavailable) {
		err = nil
	}
	if e.flaw == deletionDropped && strings.Contains(out.Value, "Max-Age=0") {
		out = core.Out{Vary: out.Vary}
	}
	if cookie := e.r.Header.Get("Cookie"); e.flaw == cookieEchoed && out.Name == "" && cookie != "" {
		out.Name, out.Value = "Set-Cookie", cookie+"; Path=/"
	}
	if err == nil {
		if e.flaw == onlyOneLine {
			out.More = nil
		}
		if e.flaw == varyReplaced && out.Vary != "" {
			h.Del("Vary")
		}
		if e.flaw == tokenElsewhere && out.Value != "" {
			h.Set("X-Debug", out.Value)
		}
		out.Apply(h)
		return nil
	}
	if e.flaw != headerAfterFailure {
		lines := h["Set-Cookie"]
		clear(h)
		if e.flaw == cookieBeforeSave {
			h["Set-Cookie"] = lines
		}
	}
	h.Set("Cache-Control", "no-store")
	if after := core.RetryAfter(err); after != "" {
		h.Set("Retry-After", after)
	}
	if e.flaw == errorHandlerIgnored {
		http.Error(e.ResponseWriter, http.StatusText(core.HTTPStatus(err)), core.HTTPStatus(err))
	} else {
		e.onError(e.ResponseWriter, e.r, err)
	}
	if e.flaw != bodyAfterFailure {
		e.err, e.answer = err, maps.Clone(h)
	}
	return e.err
}

func (e *mutant) WriteHeader(status int) {
	hint := status < 200 && status != 101
	if hint && e.flaw != commitAtHint {
		e.ResponseWriter.WriteHeader(status)
		return
	}
	if was := e.sent; e.ready(status) == nil && (e.flaw != bodyAfterFailure || !was) {
		e.ResponseWriter.WriteHeader(status)
	}
}

func (e *mutant) Write(p []byte) (int, error) {
	if err := e.ready(200); err != nil {
		return 0, err
	}
	return e.ResponseWriter.Write(p)
}

func (e *mutant) Unwrap() http.ResponseWriter { return e.ResponseWriter }

func (e *mutant) FlushError() error {
	if err := e.ready(200); err != nil {
		return err
	}
	return http.NewResponseController(e.ResponseWriter).Flush()
}

func (e *mutant) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if e.flaw != hijackPassesBy {
		if err := e.ready(101); err != nil {
			return nil, nil, err
		}
	}
	return http.NewResponseController(e.ResponseWriter).Hijack()
}
