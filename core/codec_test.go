package core_test

import (
	"fmt"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

// A codec may use its buffers again, and write to what it is given.
type careless struct{ buf []byte }

func (*careless) Name() string { return "careless" }

func (c *careless) Encode(v any) ([]byte, error) {
	c.buf = fmt.Appendf(c.buf[:0], "%v", v)
	return c.buf, nil
}

func (*careless) Decode(data []byte, into any) error {
	_, err := fmt.Sscan(string(data), into)
	clear(data)
	return err
}

func TestCarelessCodec(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{Codec: &careless{buf: make([]byte, 0, 100)}}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, name.Set(s, "alice")) })
	for range 2 {
		b.visit(func(s *core.Session) {
			var again int
			must(t, s.Decode("count", &again))
			if count.GetOr(s, 0) != 1 || name.GetOr(s, "") != "alice" || again != 1 {
				t.Errorf("count %d, %d, name %q", count.GetOr(s, 0), again, name.GetOr(s, ""))
			}
			must(t, count.Update(s, func(n int) int { return n }))
		})
	}
}

type renamed struct{ core.Codec }

func (renamed) Name() string { return "other" }

type sliceCodec struct{ opts []string }

func (sliceCodec) Name() string                    { return "zz" }
func (sliceCodec) Encode(v any) ([]byte, error)    { return core.JSON{}.Encode(v) }
func (sliceCodec) Decode(d []byte, into any) error { return core.JSON{}.Decode(d, into) }

func TestUncomparableCodec(t *testing.T) {
	m := newManager(t, core.Config{Codec: sliceCodec{[]string{"a"}}})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	b.visit(func(s *core.Session) { must(t, count.Update(s, func(n int) int { return n + 1 })) })
}
