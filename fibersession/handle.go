package fibersession

import (
	"github.com/gofiber/fiber/v2"

	"github.com/coatcheck-go/coatcheck/core"
)

// Handle makes a handler of h, for which the session is loaded before it runs. If the
// store cannot answer, h does not run and the client gets a 503. Without the
// middleware the client gets a 500. Of several sessions it is the innermost middleware's.
func Handle(h func(c *fiber.Ctx, s *core.Session) error) fiber.Handler {
	if h == nil {
		panic("fibersession: Handle: the handler is nil")
	}
	return func(c *fiber.Ctx) error {
		s, err := core.FromContext(c.UserContext())
		if err != nil {
			return fail(c, err)
		}
		return h(c, s)
	}
}

// Get returns the session of c, and loads it if need be. The error is to be returned as it
// is and makes a response without its text: core.ErrNoSession (500) if there is no
// middleware, or it was skipped, core.ErrUnavailable (503) if the store cannot answer. The session
// is never nil; after an error its methods return that error, but for Login and Logout where it is
// core.ErrUnreadable.
func Get(c *fiber.Ctx) (*core.Session, error) {
	s, err := core.FromContext(c.UserContext())
	if err != nil {
		err = newFailure(c, err)
	}
	return s, err
}

// fail makes of err what the error handler of the middleware does.
func fail(c *fiber.Ctx, err error) error {
	refuse(c, err)
	if mw, ok := c.Context().UserValue(handlerKey{}).(*middleware); ok {
		return mw.onError(c, err)
	}
	return newFailure(c, err)
}

// refuse puts into the header what goes with an answer to err: nobody may store it, and where
// trying again may help it says when.
func refuse(c *fiber.Ctx, err error) {
	h := &c.Response().Header
	h.Set(fiber.HeaderCacheControl, "no-store")
	if after := core.RetryAfter(err); after != "" {
		h.Set(fiber.HeaderRetryAfter, after)
	}
}

// failure is what the application's ErrorHandler gets. Fiber's own sends Error to the
// client, so that says no more than the status; core has logged the cause.
type failure struct {
	status *fiber.Error
	cause  error
}

func newFailure(_ *fiber.Ctx, err error) error {
	return &failure{fiber.NewError(core.HTTPStatus(err)), err}
}

func (f *failure) Error() string   { return f.status.Message }
func (f *failure) Unwrap() []error { return []error{f.status, f.cause} }
