package core

import (
	"context"
	"fmt"
	"io"
)

// exchangeContext is a request's context that holds its Exchange. It is a part of the Exchange, so it costs no
// allocation of its own.
type exchangeContext struct {
	context.Context
	x *Exchange
}

type exchangeKey struct{}

// Value returns the innermost Exchange for exchangeKey, and one manager's Exchange for that manager.
func (c *exchangeContext) Value(key any) any {
	switch key := key.(type) {
	case exchangeKey:
		return c.x
	case *Manager:
		if key == c.x.m {
			return c.x
		}
	}
	return c.Context.Value(key)
}

// String is what context.WithValue's own String shows.
func (c *exchangeContext) String() string { return "coatcheck.Context" }

// Format keeps the token out of a printed context, for every verb.
func (c *exchangeContext) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// aside is a context for the Logger and the Observer. They are called while the session's locks are held, so it holds
// all values except the session.
type aside struct{ context.Context }

func (c aside) Value(key any) any {
	switch key.(type) {
	case exchangeKey, *Manager:
		return nil
	}
	return c.Context.Value(key)
}

// Keys are the context keys under which FromContext looks for x, for frameworks whose contexts take values one by
// one.
func (x *Exchange) Keys() [2]any { return [2]any{exchangeKey{}, x.m} }

// FromContext returns the session of the request that ctx belongs to, and loads it if need be. It is for code that
// has only a context. With several managers in one application it returns the innermost one's session; see
// Manager.FromContext. ErrNoSession: there is no middleware, or it was skipped. ErrUnavailable: the store cannot
// answer. The session is never nil. After an error its methods return that error, but after ErrUnreadable Login and
// Logout work.
func FromContext(ctx context.Context) (*Session, error) {
	x, _ := ctx.Value(exchangeKey{}).(*Exchange)
	return x.Session(ctx)
}

// FromContext is the function of this name for one of several managers.
func (m *Manager) FromContext(ctx context.Context) (*Session, error) {
	return m.exchange(ctx).Session(ctx)
}

// exchange returns m's Exchange in ctx, nil if there is none.
func (m *Manager) exchange(ctx context.Context) *Exchange {
	x, _ := ctx.Value(m).(*Exchange)
	return x
}
