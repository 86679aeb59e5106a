package moving_test

import (
	"encoding/gob"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// row is a line of a table in docs/moving/values.md: a value, and what becomes of it in gob, which the other libraries
// use, and in JSON.
type row struct{ value, gob, json string }

// shown fails unless the page has the rows.
func shown(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		wantLine(t, "values.md", "| "+r.value+" | "+r.gob+" | "+r.json+" |")
	}
}

// both sends v through both. show says what came back, if that is not equal to v.
func both[T any](t *testing.T, value string, v T, show func(T) string) row {
	t.Helper()
	return row{value, byGob(v, show), byJSON(t, v, v, show)}
}

// byGob stores v as gorilla/sessions and those on top of it do: in an interface, with its type registered.
func byGob[T any](v T, show func(T) string) string {
	gob.Register(v)
	data, err := securecookie.GobEncoder{}.Serialize(map[any]any{"key": v})
	if err != nil {
		return "error of `Save`"
	}
	values := map[any]any{}
	if err := (securecookie.GobEncoder{}).Deserialize(data, &values); err != nil {
		return wholeSession
	}
	got, ok := values["key"].(T)
	if !ok {
		return fmt.Sprintf("a %T", values["key"])
	}
	return outcome(got, v, show)
}

const wholeSession = "error, for the whole session"

// byJSON stores v in a session, and reads it as a U.
func byJSON[T, U any](t *testing.T, v T, want U, show func(U) string) string {
	t.Helper()
	var set error
	s := sessiontest.New(t, core.Config{}).Visitor(sessiontest.Change(func(s *core.Session) error {
		if set = core.Key[T]("key").Set(s, v); set != nil {
			return core.Key[T]("key").Delete(s) // else the change would fail with the error
		}
		return nil
	})).Session()
	if set != nil {
		return "error of `Set`"
	}
	got, err := core.Key[U]("key").Get(s)
	if err != nil {
		return "error of `Get`, for this key"
	}
	return outcome(got, want, show)
}

func outcome[T any](got, want T, show func(T) string) string {
	switch {
	case reflect.DeepEqual(got, want):
		return "kept"
	case show == nil:
		return fmt.Sprintf("`%+v`", got)
	}
	return show(got)
}

func TestValues(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse("https://alice:secret@example.com/")
	if err != nil {
		t.Fatal(err)
	}
	now, zero := time.Now(), 0
	gob.Register(square{})
	list := func(got []string) string { return isNil(got == nil) }
	shown(t, []row{
		both(t, "`int`, `string`, `bool`, `float64`", 1, nil),
		both(t, "`[]byte`", []byte("\x00\xff"), nil),
		both(t, "`[2]int`", [2]int{1, 2}, nil),
		both(t, "`map[int]string`", map[int]string{1: "x"}, nil),
		both(t, "a pointer to a struct", &point{1, 2}, nil),
		both(t, "an exported struct, embedded", withExported{Point{1, 2}}, nil),
		both(t, "`time.Time{}`, a time in UTC", now.UTC().Truncate(0), nil),

		both(t, "`time.Now()`", now, func(got time.Time) string {
			if !got.Equal(now) || strings.Contains(got.String(), " m=") {
				return got.String()
			}
			return "the same instant, without the monotonic clock: compare with `Equal`"
		}),
		both(t, "a time in `Europe/Berlin`", now.Truncate(0).In(berlin), func(got time.Time) string {
			if !got.Equal(now) || got.Location().String() != "" {
				return got.String()
			}
			return "the same instant and offset, without the zone's name"
		}),
		both(t, "`struct{ A, b int }`", visible{1, 2}, nil),
		both(t, "`struct{ time.Time; By string }`", stamped{time.Unix(1, 0).UTC(), "alice"}, func(got stamped) string {
			return fmt.Sprintf("`By` is %q", got.By)
		}),

		both(t, "a struct with nothing but an unexported struct, embedded", withHidden{hiddenPoint{1, 2}}, nil),
		both(t, "`[]string{}`", []string{}, list),
		both(t, "`[]byte{}`", []byte{}, func(got []byte) string { return isNil(got == nil) }),
		both(t, "a `*int` to 0, in a struct", counter{&zero}, func(got counter) string { return isNil(got.N == nil) }),

		both(t, "`int64(1<<53 + 1)`", int64(1<<53+1), nil),
		both(t, "an `int` in a `map[string]any`", map[string]any{"n": 1}, func(got map[string]any) string {
			return fmt.Sprintf("`%T(%.0f)`", got["n"], got["n"])
		}),
		both(t, "that `int64` in a `map[string]any`", map[string]any{"n": int64(1<<53 + 1)}, func(got map[string]any) string {
			return fmt.Sprintf("`%T(%.0f)`", got["n"], got["n"])
		}),
		both(t, "a struct in a `map[string]any`", map[string]any{"p": square{2}}, func(got map[string]any) string {
			return fmt.Sprintf("a `%T`", got["p"])
		}),
		both(t, "a field with `json:\"-\"`", tagged{"x"}, func(got tagged) string { return fmt.Sprintf("`%q`", got.Hash) }),
		both(t, "an interface with methods, in a struct", drawing{square{2}}, nil),
		both(t, "`any(\"x\")`, as a `Key[any]`", any("x"), nil),
		both(t, "a map with structs as keys", map[point]string{{1, 2}: "x"}, nil),
		both(t, "`map[any]any`", map[any]any{"a": 1}, nil),
		both(t, "text that is not UTF-8", "\xff", nil),
		both(t, "`math.NaN()`, `math.Inf(1)`", math.Inf(1), nil),
		both(t, "`complex128`", 1i, nil),
		both(t, "a time in the year 10000", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), nil),
		both(t, "a func or a channel in a struct", callback{1, func() {}}, func(got callback) string { return isNil(got.F == nil) }),

		both(t, "a struct without exported fields", opaque{1}, nil),
		both(t, "a `url.URL` with a user", *address, nil),
	})
}

func isNil(is bool) string {
	if is {
		return "`nil`"
	}
	return "not `nil`"
}

type (
	Point        struct{ X, Y int }
	point        struct{ X, Y int }
	hiddenPoint  struct{ X, Y int }
	withExported struct{ Point }
	withHidden   struct{ hiddenPoint }
	visible      struct{ A, b int }
	opaque       struct{ a int }
	counter      struct{ N *int }
	tagged       struct {
		Hash string `json:"-"`
	}
	stamped struct {
		time.Time
		By string
	}
	callback struct {
		A int
		F func()
	}
	drawing struct{ Shape interface{ Area() int } }
	square  struct{ Side int }
)

func (s square) Area() int { return s.Side * s.Side }
