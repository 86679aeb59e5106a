package keyring

import (
	"bytes"
	"testing"
)

func BenchmarkSeal300(b *testing.B) {
	k, _ := New(Generate("k1"))
	plain, ad := bytes.Repeat([]byte("x"), 300), []byte("coatcheck/bench")
	dst := make([]byte, 0, 400)
	b.ReportAllocs()
	for b.Loop() {
		k.Seal(dst, plain, ad)
	}
}

func BenchmarkOpen300(b *testing.B) {
	k, _ := New(Generate("k1"))
	ad := []byte("coatcheck/bench")
	sealed := k.Seal(nil, bytes.Repeat([]byte("x"), 300), ad)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := k.Open(sealed, ad); err != nil {
			b.Fatal(err)
		}
	}
}
