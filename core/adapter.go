package core

import (
	"context"
	"log/slog"
	"strings"
)

// Adapter is the part of a Manager that adapters need and applications do not: it begins an [Exchange] for each
// request. Make one with Manager.Adapter. It is a small value, and all its methods may be called concurrently.
// Authors of adapters read [Exchange] and [Out] next, and prove their adapter with core/adaptertest.
type Adapter struct{ m *Manager }

// Adapter returns the part of m that adapters need.
func (m *Manager) Adapter() Adapter { return Adapter{m} }

// Header is the name of the request header that carries the token: "Cookie", or Config.TokenHeader. Give its lines to
// Begin.
func (a Adapter) Header() string { return a.m.source }

// Logger is Config.Logger, or slog.Default() if that is not set.
func (a Adapter) Logger() *slog.Logger { return a.m.cfg.Logger }

// Begin starts an Exchange for a request. lines are the request's lines of the header that Header names. They are
// read only when the session is used.
func (a Adapter) Begin(ctx context.Context, lines []string) *Exchange {
	x := &Exchange{}
	a.BeginIn(x, ctx, lines)
	return x
}

// BeginIn is Begin in the caller's memory: an adapter that makes a struct for each request saves an allocation. x
// must be zero, and serves this one request only.
func (a Adapter) BeginIn(x *Exchange, ctx context.Context, lines []string) {
	m := a.m
	x.begin(m, ctx)
	switch len(lines) {
	case 0:
	case 1:
		x.line, x.begun = &lines[0], m.roughly()
	default:
		all := strings.Join(lines, ";")
		x.line, x.begun = &all, m.roughly()
	}
}

// BeginBytes is Begin for frameworks that reuse a request's memory: it copies the line.
func (a Adapter) BeginBytes(ctx context.Context, line []byte) *Exchange {
	if len(line) == 0 {
		return a.Begin(ctx, nil)
	}
	x := &struct {
		Exchange
		line []byte
		buf  [72]byte // one allocation for all, if our cookie is the only one
	}{}
	x.begin(a.m, ctx)
	x.line = append(x.buf[:0], line...)
	x.raw, x.begun = &x.line, a.m.roughly()
	return &x.Exchange
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
