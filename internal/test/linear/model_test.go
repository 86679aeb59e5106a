package linear

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
)

// Small histories by hand: what the rules allow, and what they do not. The ops of one line follow one another, but for
// those that say when they were.
var (
	begin   = op{Kind: kindAdd, Found: foundNone, Begun: 1, Issued: 1}
	rotated = op{Kind: kindRotate, Session: 1, Token: 1, Found: foundLive, Issued: 2}
	logout  = op{Kind: kindLogout, Session: 1, Token: 1, Found: foundLive, Deleted: true}
	login   = op{Kind: kindLogin, Session: 1, Token: 1, Found: foundLive, Loaded: &values{Count: 1}, Subject: 1, Begun: 2, Issued: 2,
		Saw: &values{Subject: 1, Count: 1}}
	revoke = op{Kind: kindRevoke, Session: 1}
)

// lostRotation is a rotation that has looked, after its answer was lost, and seen this count.
func lostRotation(count int) op {
	o := rotated
	o.Trouble, o.Saw = true, &values{Count: count}
	return o
}

var errOther = errors.New("an error of no kind that is known")

// load is a request with a token of session s that finds it, or not.
func load(s, token int, f found, v values) op {
	o := op{Kind: kindLoad, Session: s, Token: token, Found: f}
	if f == foundLive {
		o.Saw = &v
	}
	return o
}

func add(change func(*op)) op {
	o := op{Kind: kindAdd, Session: 1, Token: 1, Found: foundLive}
	if change != nil {
		change(&o)
	}
	return o
}

func (o op) during(call, end int64) op {
	o.Call, o.Return = call, end
	return o
}

var modelCases = []struct {
	name string
	ok   bool
	ops  []op
}{
	{"what was begun is there", true, []op{begin, load(1, 1, foundLive, values{Count: 1})}},
	{"a lost write", false, []op{begin, add(nil), load(1, 1, foundLive, values{Count: 1})}},
	{"a write that is there twice", false, []op{begin, add(nil), load(1, 1, foundLive, values{Count: 3})}},
	{"an unknown write is there", true, []op{begin, add(func(o *op) { o.Unknown = true }), load(1, 1, foundLive, values{Count: 2})}},
	{"an unknown write is not there", true, []op{begin, add(func(o *op) { o.Unknown = true }), load(1, 1, foundLive, values{Count: 1})}},
	{"an unknown write comes late", true, []op{begin, add(func(o *op) { o.Unknown = true }), load(1, 1, foundLive, values{Count: 1}),
		load(1, 1, foundLive, values{Count: 2})}},
	{"an unknown write goes again", false, []op{begin, add(func(o *op) { o.Unknown = true }), load(1, 1, foundLive, values{Count: 2}),
		load(1, 1, foundLive, values{Count: 1})}},
	{"an unknown write is there twice", false, []op{begin, add(func(o *op) { o.Unknown = true }), load(1, 1, foundLive, values{Count: 3})}},
	{"a refusal without a reason", false, []op{begin, add(func(o *op) { o.Ended = true })}},
	{"two writes that see one state", false, []op{begin, add(func(o *op) { o.Saw = &values{Count: 2} }), add(func(o *op) { o.Saw = &values{Count: 2} })}},
	{"a page that goes back", false, []op{begin, add(nil).during(20, 60), load(1, 1, foundLive, values{Count: 2}).during(30, 40),
		load(1, 1, foundLive, values{Count: 1}).during(45, 50)}},

	{"a token that was replaced is late", true, []op{begin, rotated, load(1, 1, foundLate, values{})}},
	{"a token that was replaced still works", false, []op{begin, rotated, load(1, 1, foundLive, values{Count: 1})}},
	{"a new token does not work", false, []op{begin, rotated, load(1, 2, foundLate, values{})}},
	{"a rotation whose answer was lost, and a write before it looked", true, []op{begin, lostRotation(2).during(20, 90),
		load(1, 1, foundLate, values{}).during(30, 40), add(func(o *op) { o.Saw = &values{Count: 2} }).during(50, 60), load(1, 2, foundLive, values{Count: 2}).during(70, 80)}},
	{"a rotation whose answer was lost, and that saw what nobody wrote", false, []op{begin, lostRotation(3).during(20, 90),
		load(1, 1, foundLate, values{}).during(30, 40), add(func(o *op) { o.Saw = &values{Count: 2} }).during(50, 60)}},
	{"a rotation whose answer was lost, and whose old token works", false, []op{begin, lostRotation(1).during(20, 40), load(1, 1, foundLive, values{Count: 1}).during(50, 60)}},
	{"a write over a rotation", true, []op{begin, rotated.during(20, 40), add(nil).during(30, 50), load(1, 2, foundLive, values{Count: 2})}},

	{"a session that ended is late", true, []op{begin, logout, load(1, 1, foundLate, values{})}},
	{"a session that ended lives", false, []op{begin, logout, load(1, 1, foundLive, values{Count: 1})}},
	{"a write after the end", false, []op{begin, logout, add(nil)}},
	{"a write after the end is refused", true, []op{begin, logout, add(func(o *op) { o.Ended = true })}},
	{"two that end one session", false, []op{begin, logout, logout}},
	{"a session that was revoked is nothing", true, []op{begin, revoke, load(1, 1, foundNone, values{})}},
	{"a session that was revoked lives", false, []op{begin, revoke, load(1, 1, foundLive, values{Count: 1})}},

	{"a Login takes over what there was", true, []op{begin, login, load(2, 2, foundLive, values{Subject: 1, Count: 1}), load(1, 1, foundLate, values{})}},
	{"a Login that loses what was written before", false, []op{begin, add(nil), login}},
	{"a Login that leaves the old session alive", false, []op{begin, login, load(1, 1, foundLive, values{Count: 1})}},
	{"a Login that takes over a revoked session", false, []op{begin, revoke, login}},
	{"RevokeSubject forgets a session", false, []op{begin, login, {Kind: kindRevokeSubject, Subject: 1}, load(2, 2, foundLive, values{Subject: 1, Count: 1})}},
	{"RevokeSubject may have missed a session, and says so", true, []op{begin, login, {Kind: kindRevokeSubject, Subject: 1, Incomplete: true}, load(2, 2, foundLive, values{Subject: 1, Count: 1})}},
	{"RevokeSubject does not tell what it ended", false, []op{begin, login, {Kind: kindRevokeSubject, Subject: 1}, load(2, 2, foundNone, values{})}},
	{"RevokeSubject ends a session", true, []op{begin, login, {Kind: kindRevokeSubject, Subject: 1, Revoked: []int{2}, RevokedAt: []int64{22}}, load(2, 2, foundNone, values{})}},
	{"storage that forgets", true, []op{begin, {Kind: kindForget}, load(1, 1, foundNone, values{})}},
	{"storage that forgets, and does not", false, []op{begin, {Kind: kindForget}, load(1, 1, foundLive, values{Count: 1})}},
	{"an error that is never right", false, []op{begin, add(func(o *op) { o.fail(errOther) })}},
}

func TestModel(t *testing.T) {
	for _, c := range modelCases {
		t.Run(c.name, func(t *testing.T) {
			h := byHand(c.ops)
			if got := h.check(undecided) == porcupine.Ok; got != c.ok {
				t.Errorf("explained: %t, want %t", got, c.ok)
			}
		})
	}
}

func byHand(ops []op) *history {
	h := &history{Store: "by hand"}
	for i, o := range ops {
		o.Request = i + 1
		if o.Return == 0 {
			o.Call, o.Return = int64(10*i+1), int64(10*i+5)
		}
		h.Ops = append(h.Ops, o)
	}
	return h
}

// TestReads: what a cached store may answer while a write is under way, and what not even then.
func TestReads(t *testing.T) {
	back := byHand([]op{begin, add(nil).during(20, 60), load(1, 1, foundLive, values{Count: 2}).during(30, 40),
		load(1, 1, foundLive, values{Count: 1}).during(45, 50)})
	old := byHand([]op{begin, add(nil), load(1, 1, foundLive, values{Count: 1})})
	for _, c := range []struct {
		h         *history
		reads     reads
		explained bool
	}{
		{back, readsExact, false}, {back, readsAcknowledged, true}, {old, readsAcknowledged, false}, {old, readsStale, true},
	} {
		c.h.Reads = c.reads
		if got := c.h.check(undecided) == porcupine.Ok; got != c.explained {
			t.Errorf("%q: explained: %t, want %t", c.reads, got, c.explained)
		}
	}
}

// TestCreatedAgain: where connections break, a session may end before its Login is answered, and be there all the same.
func TestCreatedAgain(t *testing.T) {
	h := byHand([]op{begin, login.during(20, 60), {Kind: kindRevokeSubject, Subject: 1, Revoked: []int{2}, RevokedAt: []int64{40}, Call: 30, Return: 50},
		load(2, 2, foundLive, values{Subject: 1, Count: 1}).during(70, 80)})
	for explained, faults := range map[bool][]string{false: nil, true: {"reset"}} {
		h.Faults = faults
		if got := h.check(undecided) == porcupine.Ok; got != explained {
			t.Errorf("with faults %q: explained: %t, want %t", faults, got, explained)
		}
	}
}

// TestViolationIsKept: the error names a folder with the history, which can be checked again, and a picture.
func TestViolationIsKept(t *testing.T) {
	h := byHand([]op{begin, add(nil), load(1, 1, foundLive, values{Count: 1})})
	dir := t.TempDir()
	err := h.violation(dir)
	for _, name := range []string{"history.json", "history.html"} {
		paths, _ := filepath.Glob(filepath.Join(dir, "*", name))
		if len(paths) != 1 || !strings.Contains(err.Error(), filepath.Dir(paths[0])) {
			t.Fatalf("%s: %q; %v", name, paths, err)
		}
	}
	paths, _ := filepath.Glob(filepath.Join(dir, "*", "history.json"))
	read, err := readHistory(paths[0])
	if err != nil || read.check(undecided) != porcupine.Illegal {
		t.Errorf("%v; what was kept is not what failed: %v", err, read)
	}
}
