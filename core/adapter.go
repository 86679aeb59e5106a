package core

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
)

// Adapter is the part of a Manager that adapters need and applications do not: it begins an [Exchange] for each
// request. Make one with Manager.Adapter. It is a small value, and all its methods may be called concurrently.
// Authors of adapters read [Exchange] and [Out] next, and prove their adapter with core/adaptertest.
type Adapter struct{ m *Manager }

// Adapter returns the part of m that adapters need.
func (m *Manager) Adapter() Adapter { return Adapter{m} }

// Logger is Config.Logger, or slog.Default() if that is not set.
func (a Adapter) Logger() *slog.Logger { return a.m.cfg.Logger }

// Begin starts an Exchange for a request with this header. The names in h are in their canonical form, as those of
// http.Request.Header are. What Begin takes out of h is parsed only when the session is used.
func (a Adapter) Begin(ctx context.Context, h http.Header) *Exchange {
	x := &Exchange{}
	a.BeginIn(x, ctx, h)
	return x
}

// BeginIn is Begin in the caller's memory: an adapter that makes a struct for each request saves an allocation. x
// must be zero, and serves this one request only.
func (a Adapter) BeginIn(x *Exchange, ctx context.Context, h http.Header) {
	m := a.m
	x.begin(m, ctx)
	for i := range m.carriers {
		lines := h[m.carriers[i].header]
		switch {
		case len(lines) == 0:
		case len(lines) == 1 && x.line == nil:
			x.line, x.at = &lines[0], uint8(i)
		default:
			x.carry(i, strings.Join(lines, ";"))
		}
	}
	if x.line != nil {
		x.begun = m.roughly()
	}
}

// BeginBytes is Begin for frameworks that reuse a request's memory: it copies what it needs. lines returns the
// request's lines of a header, joined by ";", and whether there is one.
func (a Adapter) BeginBytes(ctx context.Context, lines func(name string) (line []byte, ok bool)) *Exchange {
	m := a.m
	for i := range m.carriers {
		if line, ok := lines(m.carriers[i].header); ok {
			x := &struct {
				Exchange
				line []byte
				buf  [72]byte // one allocation for all, if our cookie is the only one
			}{}
			x.begin(m, ctx)
			x.line = append(x.buf[:0], line...)
			x.raw, x.at, x.begun = &x.line, uint8(i), m.roughly()
			for j := i + 1; j < len(m.carriers); j++ {
				if line, ok := lines(m.carriers[j].header); ok {
					x.carry(j, string(line))
				}
			}
			return &x.Exchange
		}
	}
	return a.Begin(ctx, nil)
}

// Exchange returns the Exchange that Begin put into ctx, nil if there is none. An adapter that is mounted twice uses
// it to pass the request on.
func (a Adapter) Exchange(ctx context.Context) *Exchange { return a.m.exchange(ctx) }

// SentPlain notes that a response with a cookie goes to a client that did not use TLS. host is the request's host.
// forwarded is what its X-Forwarded-Proto and Forwarded headers say of TLS in front of a proxy. If browsers are
// likely to drop the cookie for that reason, SentPlain logs a warning, once.
func (a Adapter) SentPlain(host, forwarded string) {
	m := a.m
	if m.cfg.Cookie.Insecure || m.plain.Load() || strings.Contains(strings.ToLower(forwarded), "https") || host == "" || local(host) || m.plain.Swap(true) {
		return
	}
	m.cfg.Logger.Warn("coatcheck: a Secure cookie was sent over plain http, where browsers do not keep it: users will seem to lose their session. "+
		"Serve https. If a proxy does that, let it send X-Forwarded-Proto. Otherwise set Config.Cookie.Insecure",
		"cookie", m.cfg.Cookie.Name, "host", strings.Clone(host))
}
