package core

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Devices is Config.Devices: what a Login keeps of the device that it came from. Its zero value keeps the start of the
// User-Agent, and the network of the client's address. Both are personal data: say so in your privacy notice.
type Devices struct {
	// Label makes a short name out of a User-Agent header, "Firefox on Android". It is called at Login. The header is the
	// client's: it may be missing, false, or 64 KB long. What is longer than 120 bytes is cut, and control characters are
	// left out. Default: nil, the header itself.
	Label func(userAgent string) string

	// IPv4Bits and IPv6Bits are how many bits of the client's address are kept, at most 32 and 128. Negative: the address
	// is not kept. The framework decides what the client's address is, and whether a proxy's X-Forwarded-For counts:
	// see docs/devices.md. Default: 24 and 48.
	IPv4Bits, IPv6Bits int
}

// Device is what a Login has kept of its device. What is not known is zero.
type Device struct {
	Label   string       `json:"label,omitempty"`  // made by Devices.Label; it is the client's claim
	Network netip.Prefix `json:"network,omitzero"` // of the client's address; IsValid is false if there is none
	Method  string       `json:"method,omitempty"` // what LoginBy was given
}

// Device is what the last Login has kept: see Config.Devices. The zero Device before it, and in sessions that were begun
// without.
func (s *Session) Device() Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	return parseDevice(s.cur.device)
}

const (
	maxLabel  = 120
	maxMethod = 64
)

// device is what a Login keeps, as it stands in the header of the envelope: label, network and method, separated by
// zero bytes; "" for nothing. x.mu is held. Once the header has left, the framework may have reused the request.
func (x *Exchange) device(method string) string {
	var label, network string
	if d := x.m.cfg.Devices; d != nil && x.phase == phaseOpen && x.extra != nil && x.extra.client != nil {
		agent, address := x.extra.client()
		if d.Label != nil {
			agent = d.Label(strings.Clone(agent)) // the framework may reuse the header's memory
		}
		label, network = short(agent), d.network(address)
	}
	if label == "" && network == "" && method == "" {
		return ""
	}
	return label + "\x00" + network + "\x00" + method
}

func parseDevice(text string) (d Device) {
	if parts := strings.Split(text, "\x00"); len(parts) == 3 {
		d.Label, d.Method = parts[0], parts[2]
		d.Network, _ = netip.ParsePrefix(parts[1])
	}
	return d
}

// short cuts a text to maxLabel bytes of characters that can be printed.
func short(text string) string {
	b := make([]byte, 0, maxLabel)
	for _, r := range text {
		switch {
		case r == utf8.RuneError || !unicode.IsPrint(r):
			continue
		case len(b)+utf8.RuneLen(r) > maxLabel:
			return string(b)
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}

// network returns the part of an address that is kept. address may have a port. "" if it is no IP address.
func (d *Devices) network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		with, err := netip.ParseAddrPort(address)
		if err != nil {
			return ""
		}
		ip = with.Addr()
	}
	ip = ip.Unmap().WithZone("")
	bits := d.IPv6Bits
	if ip.Is4() {
		bits = d.IPv4Bits
	}
	if bits < 0 {
		return ""
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}

// with returns d with the defaults filled in, or what is wrong with it.
func (d Devices) with() (Devices, error) {
	setDefault(&d.IPv4Bits, 24)
	setDefault(&d.IPv6Bits, 48)
	if d.IPv4Bits > 32 {
		return d, wrongField("Devices.IPv4Bits", "is %d, at most 32; negative: the address is not kept", d.IPv4Bits)
	}
	if d.IPv6Bits > 128 {
		return d, wrongField("Devices.IPv6Bits", "is %d, at most 128; negative: the address is not kept", d.IPv6Bits)
	}
	return d, nil
}

// checkMethod returns why LoginBy cannot keep a way of signing in.
func checkMethod(method string) error {
	if len(method) > maxMethod || !utf8.ValidString(method) || strings.ContainsFunc(method, unicode.IsControl) {
		return fmt.Errorf("coatcheck: LoginBy: a method has at most %d bytes of UTF-8 without control characters, not %s", maxMethod, strconv.Itoa(len(method))+" bytes")
	}
	return nil
}

// Client tells how a Login finds out where it comes from, for Config.Devices. from returns the User-Agent header and the
// address of the client, with or without a port, as the framework sees it. It is called at Login, in the handler, with
// the session's locks held: so it must not use the session. An adapter calls Client before the handler, if
// Adapter.Devices says so.
func (x *Exchange) Client(from func() (userAgent, address string)) { x.extras().client = from }

// Devices reports whether Config.Devices is set, so that an Exchange needs a Client.
func (a Adapter) Devices() bool { return a.m.cfg.Devices != nil }
