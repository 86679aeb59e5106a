package httpwriter

import (
	"context"

	"github.com/coatcheck-go/coatcheck/core"
)

// handlerContext is the context of the handler's request. It is a part of the Gate, which saves an allocation.
type handlerContext struct {
	context.Context
	x     *core.Exchange
	owner Owner
}

type (
	ownerKey   struct{}
	ownerOfKey struct{ x *core.Exchange }
)

func (s *handlerContext) Value(key any) any {
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

// String is what contexts derived from this one print. It shows no token.
func (s *handlerContext) String() string { return "coatcheck.Context" }

// OwnerOf returns the owner that was given to Begin for x, if it is a T. It is not if another adapter began x.
func OwnerOf[T Owner](ctx context.Context, x *core.Exchange) (T, bool) {
	owner, ok := ctx.Value(ownerOfKey{x}).(T)
	return owner, ok
}

// InnermostOwner returns the owner of the session that core.FromContext returns, if it is a T.
func InnermostOwner[T Owner](ctx context.Context) (T, bool) {
	owner, ok := ctx.Value(ownerKey{}).(T)
	return owner, ok
}
