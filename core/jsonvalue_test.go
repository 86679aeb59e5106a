package core_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

type (
	hidden  struct{ n int }
	inner   struct{ S string }
	embeds  struct{ inner }
	locked  struct{ sync.Mutex }
	tree    struct{ Kids []*tree }
	badTree struct {
		Kids map[string]*badTree
		H    *hidden
	}
	selfish struct {
		*selfish
		n int
	}
	tagged struct {
		H hidden `json:"-"`
	}
	marker struct{ _ [0]func() }
	noted  struct {
		Name string
		sync.Mutex
	}
	words    string
	rawWords struct{ s string }
)

func (w words) MarshalText() ([]byte, error)     { return []byte(w), nil }
func (w rawWords) MarshalJSON() ([]byte, error)  { return json.Marshal(w.s + "\xff") }
func (w *rawWords) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &w.s) }

const bad = "a\xff"

// What encoding/json would change in silence is refused, by its name and with the way out, and without the value.
func TestJSONRefusesWhatItCannotKeep(t *testing.T) {
	user, number := url.UserPassword("qq", "qq"), big.NewInt(7)
	own := &selfish{n: 1}
	own.selfish = own
	const text, none = "not UTF-8", "keeps nothing of"
	for i, c := range []struct {
		v    any
		want string
	}{
		{bad, text}, {words(bad), text}, {&[]string{bad}, text}, {[1]string{bad}, text}, {inner{bad}, text}, {embeds{inner{bad}}, text},
		{map[string]int{bad: 1}, text}, {map[words]int{bad: 1}, text}, {map[string][]inner{"a": {{"x"}, {bad}}}, text},
		{[]any{1, map[string]any{"a": bad}}, text}, {"\\ufffd" + bad, text}, {"\ufffd" + bad, text}, {[]any{error(nil), inner{bad}}, text},
		{hidden{1}, none}, {&hidden{1}, none}, {[]hidden{{1}}, none}, {map[string]hidden{"a": {1}}, none}, {struct{ H hidden }{}, none},
		{struct{ H *hidden }{&hidden{}}, none}, {[]any{hidden{1}}, none}, {map[string]any{"a": []any{&hidden{1}}}, none}, {&locked{}, none},
		{&badTree{Kids: map[string]*badTree{"a": {H: &hidden{1}}}}, none}, {own, none}, {errors.New("qq"), none},
		{*number, "*big.Int"}, {struct{ N big.Int }{*number}, "*big.Int"}, {&url.URL{Host: "a", User: user}, "url.Userinfo"},
	} {
		data, err := core.JSON{}.Encode(c.v)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(data) > 0 {
			t.Errorf("%d, %T: %q, %v; want an error about %q", i, c.v, data, err, c.want)
		}
	}
}

// What it keeps, or what its author has decided, is stored as encoding/json writes it.
func TestJSONTakesTheRest(t *testing.T) {
	number := big.NewInt(7)
	for i, v := range []any{
		nil, "", "\ufffd", "\\ufffd", `\\ufffd`, inner{"Zoë \ufffd"}, []byte(bad), json.RawMessage(`"\ufffd"`), rawWords{"a"}, words("ë"),
		struct{}{}, marker{}, []struct{}{{}}, tagged{hidden{1}}, &noted{Name: "a"}, embeds{}, (*hidden)(nil), []hidden{}, map[string]hidden{}, tree{[]*tree{{}, nil}},
		&badTree{}, []any{}, map[string]any{"a": nil, "b": 1.5, "c": []int{1}}, number, []big.Int{*number}, &struct{ N big.Int }{*number},
		time.Now(), netip.MustParseAddr("::1"), &url.URL{Host: "a"}, [2]any{}, struct{ E error }{}, map[int]string{1: "a"},
		struct{ T *words }{}, []json.Marshaler{nil, rawWords{"a"}},
	} {
		want, err := json.Marshal(v)
		must(t, err)
		if data, err := (core.JSON{}).Encode(v); err != nil || string(data) != string(want) {
			t.Errorf("%d, %T: %q, %v; want %q", i, v, data, err, want)
		}
	}
}

// Set, Update, AddFlash and Config.Adopt say it, and so does the commit if that is ignored.
func TestUnkeptValueFailsTheCommit(t *testing.T) {
	type refused struct {
		typ, want string
		change    func(*core.Session) error
	}
	set := func(typ, want string, change func(*core.Session) error) refused { return refused{typ, want, change} }
	for _, c := range []refused{
		set("string", "not UTF-8", func(s *core.Session) error { return name.Set(s, "qq\xff") }),
		set("string", "not UTF-8", func(s *core.Session) error { return name.Update(s, func(string) string { return "qq\xff" }) }),
		set("core_test.hidden", "keeps nothing of a core_test.hidden", func(s *core.Session) error { return core.Key[hidden]("h").Set(s, hidden{1}) }),
		set("interface {}", "interface", func(s *core.Session) error { return core.Key[any]("a").Set(s, 1) }),
		set("interface {}", "interface", func(s *core.Session) error { return core.Key[any]("a").Update(s, func(any) any { return 1 }) }),
		set("interface {}", "interface", func(s *core.Session) error { return core.Key[any]("a").Set(s, nil) }),
		set("error", "interface", func(s *core.Session) error { return core.Key[error]("e").Set(s, errors.New("qq")) }),
		set("fmt.Stringer", "interface", func(s *core.Session) error { return core.Key[fmt.Stringer]("e").Set(s, time.Second) }),
		set("core.Flash", "not UTF-8", func(s *core.Session) error { return s.AddFlash("info", "qq\xff") }),
		set("core.Flash", "not UTF-8", func(s *core.Session) error { return s.AddFlash("qq\xff", "text") }),
	} {
		b := newBrowser(t, newManager(t, core.Config{}))
		r := b.send()
		must(t, count.Set(r.s, 1))
		err := c.change(r.s)
		_, failed := r.respond(200)
		for when, err := range map[string]error{"change": err, "commit": failed} {
			var ve *core.ValueError
			if !errors.As(err, &ve) || ve.Op != "encode" || ve.Type != c.typ || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "qq") {
				t.Errorf("%s, %s: %v", c.typ, when, err)
			}
		}
		if b.line != "" {
			t.Errorf("%s: a session was stored", c.typ)
		}
	}
}

// Another codec may well keep an interface.
func TestInterfaceWithAnotherCodec(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{Codec: renamed{core.JSON{}}}))
	b.visit(func(s *core.Session) { must(t, core.Key[any]("a").Set(s, 1)) })
}
