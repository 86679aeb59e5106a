package cookiestore_test

import (
	"strings"
	"testing"
)

func BenchmarkOpen261(b *testing.B) {
	s := simple(b)
	rec := record(strings.Repeat("x", 261))
	token := seal(b, s, &rec)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.OpenToken(ctx, token, binding); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal261(b *testing.B) {
	s := simple(b)
	rec := record(strings.Repeat("x", 261))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.SealToken(ctx, &rec, binding, limit); err != nil {
			b.Fatal(err)
		}
	}
}
