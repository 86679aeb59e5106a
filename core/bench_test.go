package core_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/p10"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// BenchmarkExchange is what a request costs without a framework: A no cookie, B a
// cookie, neither touched, C one key of five read, D one read and one written, E
// a new session.
func BenchmarkExchange(b *testing.B) {
	m, cookie := seeded(b, core.Config{Store: memstore.New(memstore.Config{})})
	defer m.Close()
	for _, c := range exchangeCases {
		b.Run(c.name, func(b *testing.B) { p10.Own(b, func() {}, func() { c.run(m, cookie) }) })
	}
}

// BenchmarkCookieStore is C and D where the cookie carries the session.
func BenchmarkCookieStore(b *testing.B) {
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		b.Fatal(err)
	}
	store, err := cookiestore.New(keys, cookiestore.NoRevocation())
	if err != nil {
		b.Fatal(err)
	}
	m, cookie := seeded(b, core.Config{Store: store})
	defer m.Close()
	for _, c := range exchangeCases[2:4] {
		b.Run(c.name, func(b *testing.B) { p10.Own(b, func() {}, func() { c.run(m, cookie) }) })
	}
}

const (
	benchUser  core.Key[string] = "user"
	benchCount core.Key[int]    = "count"
)

// seeded returns a manager with a session of five values, 261 bytes as JSON, and its cookie.
func seeded(tb testing.TB, cfg core.Config) (*core.Manager, []string) {
	tb.Helper()
	m, err := core.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	ctx := context.Background()
	x := m.Begin(ctx, nil)
	s, _ := x.Session(ctx)
	_ = benchUser.Set(s, "user-0123456789")
	_ = benchCount.Set(s, 41)
	for i := range 3 {
		_ = core.Key[string](fmt.Sprintf("value%d", i)).Set(s, "a value of a length that sessions tend to have, sixty bytes..")
	}
	out, err := x.Commit(ctx, 200)
	if err != nil {
		tb.Fatal(err)
	}
	_ = x.Finish(ctx)
	cookie, _, _ := strings.Cut(out.Value, ";")
	return m, []string{cookie}
}

var exchangeCases = []struct {
	name string
	run  func(m *core.Manager, cookie []string)
}{
	{"A", func(m *core.Manager, _ []string) { exchange(m, nil, nil) }},
	{"B", func(m *core.Manager, cookie []string) { exchange(m, cookie, nil) }},
	{"C", func(m *core.Manager, cookie []string) {
		exchange(m, cookie, func(s *core.Session) { _, _ = benchUser.Get(s) })
	}},
	{"D", func(m *core.Manager, cookie []string) {
		exchange(m, cookie, func(s *core.Session) {
			_, _ = benchUser.Get(s)
			_ = benchCount.Set(s, 42)
		})
	}},
	{"E", func(m *core.Manager, _ []string) {
		exchange(m, nil, func(s *core.Session) { _ = benchCount.Set(s, 1) })
	}},
}

func exchange(m *core.Manager, cookie []string, use func(*core.Session)) {
	ctx := context.Background()
	x := m.Begin(ctx, cookie)
	if use != nil {
		s, err := x.Session(ctx)
		if err != nil {
			panic(err)
		}
		use(s)
	}
	if _, err := x.Commit(ctx, 200); err != nil {
		panic(err)
	}
	_ = x.Finish(ctx)
}
