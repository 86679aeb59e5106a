package sessiontest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// Whatever signs in, the session has the device, as the application's own settings make it.
func TestFrom(t *testing.T) {
	first := func(agent string) string { name, _, _ := strings.Cut(agent, "/"); return name }
	m := sessiontest.New(t, core.Config{Devices: &core.Devices{Label: first, IPv4Bits: 16}})
	from := sessiontest.From("Firefox/150", "203.0.113.7")
	signIn := httpsession.Handle(func(_ http.ResponseWriter, r *http.Request, s *core.Session) { _ = s.Login("alice") })
	for name, v := range map[string]*sessiontest.Visitor{
		"SignedIn": m.SignedIn("alice", from),
		"Post":     m.Visitor(from),
		"Context":  m.Visitor(from),
	} {
		switch name {
		case "Post":
			v.Post(app(m), "/sign-in", "name", "alice")
		case "Context":
			signIn(httptest.NewRecorder(), v.Form("/").WithContext(v.Context()))
		}
		if d := v.Session().Device(); d.Label != "Firefox" || d.Network.String() != "203.0.0.0/16" {
			t.Errorf("%s: device %+v", name, d)
		}
	}

	by := sessiontest.Change(func(s *core.Session) error { return s.LoginBy("alice", "passkey") })
	v := m.Visitor(sessiontest.From("Firefox/150", "2001:db8:1:2::7"), by)
	if d := v.Session().Device(); d.Network.String() != "2001:db8:1::/48" || d.Method != "passkey" {
		t.Errorf("device %+v", d)
	}
	if r := v.Request("GET", "/", nil); r.RemoteAddr != "[2001:db8:1:2::7]:1234" || r.UserAgent() != "Firefox/150" {
		t.Errorf("the request is %q of %q", r.RemoteAddr, r.UserAgent())
	}
	if d := m.SignedIn("alice").Session().Device(); d != (core.Device{}) {
		t.Errorf("without From: %+v", d)
	}
}
