package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/coatcheck-go/coatcheck/core"
)

// deviceOf returns what a Login keeps of a client that sends this User-Agent from this address.
func deviceOf(t testing.TB, d *core.Devices, agent, address string) (device core.Device) {
	t.Helper()
	m := newManager(t, core.Config{Devices: d})
	b := newBrowser(t, m)
	r := b.send()
	if m.Adapter().Devices() {
		r.x.Client(func() (string, string) { return agent, address })
	}
	must(t, r.s.LoginBy("alice", "pwd"))
	if _, err := r.respond(200); err != nil {
		t.Fatal(err)
	}
	b.visit(func(s *core.Session) { device = s.Device() })
	return device
}

func TestDevice(t *testing.T) {
	long := strings.Repeat("Firefox ü ", 6554)
	for _, test := range []struct {
		d              *core.Devices
		agent, address string
		label, network string
	}{
		{nil, "Firefox", "203.0.113.7", "", ""},
		{&core.Devices{}, "Firefox", "203.0.113.7:4711", "Firefox", "203.0.113.0/24"},
		{&core.Devices{}, "Firefox", "2001:db8:1:2::7", "Firefox", "2001:db8:1::/48"},
		{&core.Devices{}, "Firefox", "[2001:db8:1:2::7%eth0]:80", "Firefox", "2001:db8:1::/48"},
		{&core.Devices{}, "Firefox", "::ffff:203.0.113.7", "Firefox", "203.0.113.0/24"},
		{&core.Devices{IPv4Bits: 32, IPv6Bits: 64}, "", "203.0.113.7", "", "203.0.113.7/32"},
		{&core.Devices{IPv4Bits: -1}, "Firefox", "203.0.113.7", "Firefox", ""},
		{&core.Devices{IPv6Bits: -1}, "Firefox", "2001:db8::1", "Firefox", ""},
		{&core.Devices{}, "", "not an address", "", ""},
		{&core.Devices{}, "", "203.0.113.7, 198.51.100.1", "", ""},
		{&core.Devices{}, "a\x00b\r\n\x1b[31mc\xff\u202e", "@", "ab[31mc", ""},
		{&core.Devices{Label: func(s string) string { return "<" + s + ">" }}, "x", "", "<x>", ""},
		{&core.Devices{Label: func(string) string { return long }}, "x", "", strings.Repeat("Firefox ü ", 10) + "Firefox ü", ""},
	} {
		got := deviceOf(t, test.d, test.agent, test.address)
		network := ""
		if got.Network.IsValid() {
			network = got.Network.String()
		}
		if got.Label != test.label || network != test.network || got.Method != "pwd" {
			t.Errorf("%.40q from %q: %q, %q, %q; want %q, %q", test.agent, test.address, got.Label, network, got.Method, test.label, test.network)
		}
	}
	if got := deviceOf(t, &core.Devices{}, long, "").Label; len(got) > 120 || !utf8.ValidString(got) || !strings.HasPrefix(long, got) {
		t.Errorf("a label of 64 KB is kept as %d bytes: %q", len(got), got)
	}
}

func TestWrongDevices(t *testing.T) {
	for field, d := range map[string]core.Devices{"IPv4Bits": {IPv4Bits: 33}, "IPv6Bits": {IPv6Bits: 129}} {
		d := d
		_, err := core.New(core.Config{Store: newManager(t, core.Config{}).Config().Store, Devices: &d})
		if err == nil || !strings.Contains(err.Error(), "Config.Devices."+field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	given := &core.Devices{}
	newManager(t, core.Config{Devices: given})
	if given.IPv4Bits != 0 || given.IPv6Bits != 0 {
		t.Error("New has changed the application's Devices")
	}
}

// What a Login has kept stays with the session, through all that is no Login.
func TestDeviceStays(t *testing.T) {
	m := newManager(t, core.Config{Devices: &core.Devices{}})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.LoginBy("alice", "passkey")) })
	want := core.Device{Method: "passkey"}
	for what, do := range map[string]func(*core.Session) error{
		"Set": func(s *core.Session) error { return count.Set(s, 1) }, "RotateID": (*core.Session).RotateID, "Clear": (*core.Session).Clear,
	} {
		b.visit(func(s *core.Session) { must(t, do(s)) })
		b.visit(func(s *core.Session) {
			if s.Device() != want {
				t.Errorf("after %s: %+v", what, s.Device())
			}
		})
	}
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	b.visit(func(s *core.Session) {
		if s.Device() != (core.Device{}) {
			t.Errorf("after another Login: %+v", s.Device())
		}
		must(t, s.Logout())
	})
	b.visit(func(s *core.Session) {
		if s.Device() != (core.Device{}) {
			t.Errorf("after a Logout: %+v", s.Device())
		}
	})
	// A full session can sign in: the device is no value.
	full := newBrowser(t, newManager(t, core.Config{MaxSize: 128, Devices: &core.Devices{}}))
	full.visit(func(s *core.Session) { must(t, name.Set(s, strings.Repeat("x", 110))) })
	r := full.send()
	r.x.Client(func() (string, string) { return strings.Repeat("y", 120), "" })
	must(t, r.s.LoginBy("alice", strings.Repeat("z", 64)))
	if _, err := r.respond(200); err != nil {
		t.Errorf("a Login with a full session: %v", err)
	}
}

func TestWrongMethods(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	for _, method := range []string{strings.Repeat("x", 65), "a\x00b", "a\nb", "\xff"} {
		r := b.send()
		if err := r.s.LoginBy("alice", method); err == nil || strings.Contains(err.Error(), method) {
			t.Errorf("LoginBy(%q): %v", method, err)
		}
		if _, err := r.respond(200); err == nil {
			t.Errorf("LoginBy(%q), error ignored: the response is a success", method)
		}
	}
	r := b.send()
	_ = r.s.LoginBy("alice", "\x00")
	must(t, r.s.LoginBy("alice", "pwd"))
	_, err := r.respond(200)
	must(t, err)
}

func TestDeviceAsJSON(t *testing.T) {
	text, err := json.Marshal(struct {
		D core.Device `json:"d,omitzero"`
	}{})
	if string(text) != "{}" || err != nil {
		t.Errorf("no device: %s, %v", text, err)
	}
	text, err = json.Marshal(deviceOf(t, &core.Devices{}, "Firefox", "203.0.113.7"))
	if want := `{"label":"Firefox","network":"203.0.113.0/24","method":"pwd"}`; string(text) != want || err != nil {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
}

func FuzzDevice(f *testing.F) {
	f.Add("Firefox", "203.0.113.7:80", "pwd")
	f.Add("\xff\x00", "[::1%a]:1", "\x00")
	f.Fuzz(func(t *testing.T, agent, address, method string) {
		m := newManager(t, core.Config{Devices: &core.Devices{}})
		b := newBrowser(t, m)
		r := b.send()
		r.x.Client(func() (string, string) { return agent, address })
		if r.s.LoginBy("alice", method) != nil {
			r.x.Discard()
			return
		}
		_, err := r.respond(200)
		must(t, err)
		v := b.send()
		defer v.x.Discard()
		d := v.s.Device()
		if d.Method != method || len(d.Label) > 120 || !utf8.ValidString(d.Label) || d.Network.IsValid() && d.Network != d.Network.Masked() {
			t.Errorf("%q from %q by %q: %+v", agent, address, method, d)
		}
		if err := v.s.Err(); err != nil && !errors.Is(err, core.ErrClosed) {
			t.Error(err)
		}
	})
}

// Once the header has left, the framework may have given the request's memory to another request. A session that is first
// used then, and adopted, must not look at it.
func TestClientIsNotAskedAfterTheHeader(t *testing.T) {
	m := newManager(t, core.Config{Devices: &core.Devices{}, Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) {
		return &core.Adoption{Subject: "alice"}, nil
	}})
	x := m.Adapter().Begin(ctx, http.Header{"Cookie": {"other=1"}})
	asked := false
	x.Client(func() (string, string) { asked = true; return "Firefox", "" })
	_, err := x.Commit(ctx, 200)
	must(t, err)
	s, err := x.Session(ctx)
	must(t, err)
	if s.Subject() != "alice" || asked {
		t.Errorf("subject %q, asked %v", s.Subject(), asked)
	}
	must(t, x.Finish(ctx))
}

// What Manager.Config returns is a copy: changing it changes no manager.
func TestConfigReturnsACopyOfDevices(t *testing.T) {
	m := newManager(t, core.Config{Devices: &core.Devices{}})
	m.Config().Devices.IPv4Bits = 32
	if bits := m.Config().Devices.IPv4Bits; bits != 24 {
		t.Errorf("the manager keeps %d bits now", bits)
	}
}
