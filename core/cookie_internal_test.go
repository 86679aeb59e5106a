package core

import (
	"slices"
	"strings"
	"testing"
)

func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{"sid=a", []string{"a"}},
		{"x=1; sid=a; y=2", []string{"a"}},
		{"x=1;sid=a;y=2", []string{"a"}},
		{" sid=a \t;", []string{"a"}},
		{"sid=a; sid=b", []string{"a", "b"}},
		{"sid=a; sid=a", []string{"a"}},
		{`sid=bad"; sid=good`, []string{`bad"`, "good"}},
		{"SID=a; xsid=b; sidx=c; sid", nil},
		{"sid=", nil},
		{"sid=a=b", []string{"a=b"}},
		{"sid=1; sid=2; sid=3; sid=4; sid=5; sid=6", []string{"1", "2", "3", "4", "5"}},
		{"; ; =; ;sid=a", []string{"a"}},
	} {
		if got := candidates(nil, c.line, "sid"); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}

func FuzzCandidates(f *testing.F) {
	f.Add("a=1; sid=abc; b")
	f.Add(`sid="x;y"; sid=`)
	f.Add(strings.Repeat("sid=x;", 100))
	f.Fuzz(func(t *testing.T, line string) {
		got := candidates(nil, line, "sid")
		if len(got) > maxCandidates+1 {
			t.Fatalf("%d candidates", len(got))
		}
		for i, v := range got {
			if v == "" || strings.Contains(v, ";") || !strings.Contains(line, "sid="+v) || slices.Contains(got[:i], v) {
				t.Fatalf("%q gives %q", line, got)
			}
		}
	})
}
