package sessiontest

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/coatcheck-go/coatcheck/core"
)

// device is where a visitor comes from.
type device struct{ userAgent, address string }

// From makes the visitor come from this device, for applications that set Config.Devices: its sign-ins keep what that
// makes of the User-Agent header and of the address. The visitor's requests have both, too, but for Fiber's app.Test,
// which knows no address.
func From(userAgent, address string) Option { return Option{device: device{userAgent, address}} }

// at tells x where the visitor comes from.
func (d device) at(x *core.Exchange) {
	if d != (device{}) {
		x.Client(func() (string, string) { return d.userAgent, d.address })
	}
}

// send makes r a request of the device.
func (d device) send(r *http.Request) {
	if d.userAgent != "" {
		r.Header.Set("User-Agent", d.userAgent)
	}
	if ip, err := netip.ParseAddr(d.address); err == nil {
		r.RemoteAddr = net.JoinHostPort(ip.String(), "1234") // any port: frameworks look for one
	}
}
