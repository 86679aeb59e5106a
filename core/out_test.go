package core_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

func TestUncached(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, "no-store": true, "public, No-Store": true, "private": true, "max-age=1,private": true,
		"*": false, "public, *": false, `private="X-Field"`: false, `no-cache="a, no-store, b"`: false, `no-cache="a", no-store`: true,
		`x="unclosed, no-store`: false, ",": false, "no-stores": false,
	} {
		if got := core.Uncached([]string{"max-age=2", line}); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
	h := http.Header{"Cache-Control": {"public, *"}}
	core.Out{Name: "Set-Cookie", Value: "a=b", Vary: "Cookie"}.Apply(h)
	if h.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", h)
	}
}

func TestSentPlain(t *testing.T) {
	for _, c := range []struct {
		host, forwarded string
		insecure, warns bool
	}{
		{"shop.example:8080", "", false, true}, {"shop.example", "http", false, true}, {"10.0.0.7", "", false, true}, {"localhost.example", "", false, true},
		{"shop.example", "https", false, false}, {"shop.example", "for=1.2.3.4;proto=https", false, false}, {"shop.example", "", true, false},
		{"localhost", "", false, false}, {"shop.localhost:80", "", false, false}, {"127.0.0.1:8080", "", false, false}, {"[::1]:80", "", false, false}, {"[::1]", "", false, false},
	} {
		var log strings.Builder
		m := newManager(t, core.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Cookie: core.Cookie{Insecure: c.insecure}})
		m.SentPlain(c.host, c.forwarded)
		m.SentPlain(c.host, c.forwarded)
		if n := strings.Count(log.String(), "Config.Cookie.Insecure"); n > 1 || (n == 1) != c.warns {
			t.Errorf("%+v: %d warnings: %s", c, n, log.String())
		}
	}
}
