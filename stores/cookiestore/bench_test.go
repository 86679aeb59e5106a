package cookiestore_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// BenchmarkOpenRevocable261 asks two questions of a store in memory: of the session's ID, and of its user.
func BenchmarkOpenRevocable261(b *testing.B) {
	revoked := made.Of(memstore.New(memstore.Config{}))
	s := open(b, ring(b, keyring.Generate("k1")), cookiestore.RevokeIn(revoked), cookiestore.Config{})
	if err := s.RevokeSubject(ctx, binding, "alice", time.Now().Add(time.Hour), nil); err != nil {
		b.Fatal(err)
	}
	for _, subject := range []string{"", "alice"} {
		b.Run("of "+cmp.Or(subject, "a visitor"), func(b *testing.B) {
			rec := record(strings.Repeat("x", 261))
			rec.Subject = subject
			token := seal(b, s, &rec)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.OpenToken(ctx, token, binding); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

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
