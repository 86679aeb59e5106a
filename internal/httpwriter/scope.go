package httpwriter

import (
	"context"

	"github.com/coatcheck-go/coatcheck/core"
)

// scope is the context of the handler's request. It is a part of the Gate, so that
// putting it there costs no allocation of its own.
type scope struct {
	context.Context
	x     *core.Exchange
	owner Owner
}

type (
	ownerKey   struct{}
	ownerOfKey struct{ x *core.Exchange }
)

func (s *scope) Value(key any) any {
	switch key := key.(type) {
	case ownerKey:
		return s.owner
	case ownerOfKey:
		if key.x == s.x {
			return s.owner
		}
	}
	return s.Context.Value(key)
}

// String is what contexts made of this one show.
func (s *scope) String() string { return "coatcheck.Context" }

// OwnerOf returns what was given to Begin for x, if it is a T: another adapter may
// have begun it.
func OwnerOf[T Owner](ctx context.Context, x *core.Exchange) (T, bool) {
	owner, ok := ctx.Value(ownerOfKey{x}).(T)
	return owner, ok
}

// InnermostOwner returns the owner of the session that core.FromContext returns, if it is a T.
func InnermostOwner[T Owner](ctx context.Context) (T, bool) {
	owner, ok := ctx.Value(ownerKey{}).(T)
	return owner, ok
}
