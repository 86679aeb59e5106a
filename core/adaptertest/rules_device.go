package adaptertest

import (
	"net/netip"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about Config.Devices.

var deviceRules = []rule{
	{
		name: "devices",
		text: "Given Config.Devices, when a user signs in, then the session keeps a label of the User-Agent of at most 120 bytes and the network of the address that the framework sees; what the client has sent after that changes nothing.",
		run: func(e *env) {
			e.cfg.Devices = &core.Devices{}
			b := e.serve(Options{}, routes{"/login": func(c Ctx) error {
				e.ok(e.session(c).LoginBy("alice", "passkey"), "LoginBy")
				return c.NoContent(204)
			}, "/": shown(e)}).browser()
			agent := "Firefox " + strings.Repeat("x", 2000)
			b.get("/login", "User-Agent", agent).is(204, "")
			b.get("/", "User-Agent", "another")
			b.peek(func(s *core.Session) {
				d := s.Device()
				if d.Label != agent[:120] || d.Method != "passkey" {
					e.Errorf("the session keeps %q, %q", d.Label, d.Method)
				}
				if !d.Network.IsValid() || d.Network != d.Network.Masked() || !d.Network.Addr().IsLoopback() && d.Network.Addr() != netip.MustParseAddr("::") {
					e.Errorf("the session keeps the network %v of a client on this machine", d.Network)
				}
			})
		},
	},
	{
		name: "devices, forged headers",
		text: "Given Config.Devices, when a client sends addresses that are none, then a sign-in works and keeps no address but one that the framework made sense of.",
		run: func(e *env) {
			e.cfg.Devices = &core.Devices{}
			s := e.serve(Options{}, routes{"/": func(c Ctx) error {
				e.ok(e.session(c).Login("alice"), "Login")
				return c.NoContent(204)
			}})
			for _, junk := range []string{"nonsense", "999.1.1.1", "<script>, 1.2.3.4.5", strings.Repeat("1.", 500), "::1%<b>"} {
				b := s.browser()
				b.get("/", "X-Forwarded-For", junk, "X-Real-Ip", junk, "Forwarded", "for="+junk, "User-Agent", "").is(204, "")
				b.peek(func(s *core.Session) {
					if d := s.Device(); d.Label != "" || d.Network.IsValid() && d.Network != d.Network.Masked() {
						e.Errorf("%.40q: the session keeps %+v", junk, d)
					}
				})
			}
		},
	},
	{
		name: "no devices",
		text: "Given no Config.Devices, when a user signs in, then the session keeps nothing of the client.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				e.ok(e.session(c).Login("alice"), "Login")
				return c.NoContent(204)
			}).browser()
			b.get("/", "User-Agent", "Firefox").is(204, "")
			b.peek(func(s *core.Session) {
				if d := s.Device(); d != (core.Device{}) {
					e.Errorf("the session keeps %+v", d)
				}
			})
		},
	},
}
