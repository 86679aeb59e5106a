package fiberv3session

import (
	"errors"
	"log/slog"

	"github.com/gofiber/fiber/v3"

	"github.com/coatcheck-go/coatcheck/core"
)

// Handle makes a handler that loads the session and then runs h. If the store cannot answer, h does not run and the
// client gets a 503. Without the middleware the client gets a 500. If a request has several sessions, h gets that of
// the innermost middleware. Handle panics if h is nil.
//
// h may return an error of core as it is, such as an outage that Manager.Sessions or RevokeSubject met: the middleware
// answers with core.HTTPStatus(err), no-store, and Retry-After where a retry may help. What is a 500, such as
// core.ErrIncomplete, comes to the application's ErrorHandler as it is, and Fiber's default shows its text.
func Handle(h func(c fiber.Ctx, s *core.Session) error) fiber.Handler {
	if h == nil {
		panic("fiberv3session: Handle: the handler is nil")
	}
	return func(c fiber.Ctx) error {
		s, err := core.FromContext(c.Context())
		if err != nil {
			return fail(c, err)
		}
		return h(c, s)
	}
}

// Get returns the session of c, and loads it at the first call. Return the error as it is: it makes a response that
// does not show its text. core.ErrNoSession (500): the middleware is not mounted, or it skipped this request.
// core.ErrUnavailable (503): the store cannot answer. The session is never nil. After an error its methods return that
// error, except that Login and Logout work after core.ErrUnreadable.
func Get(c fiber.Ctx) (*core.Session, error) {
	s, err := core.FromContext(c.Context())
	if err != nil {
		err = newFailure(c, err)
	}
	return s, err
}

// fail returns the error that the middleware's error handler makes of err.
func fail(c fiber.Ctx, err error) error {
	refuse(c, err)
	if mw, ok := c.RequestCtx().UserValue(handlerKey{}).(*middleware); ok {
		return mw.onError(c, err)
	}
	if errors.Is(err, core.ErrNoSession) {
		slog.Error("fiberv3session: " + err.Error()) // no manager, and so no other Logger
	}
	return newFailure(c, err)
}

// refuse sets the header of an answer to err: no-store, and Retry-After where a retry may help.
func refuse(c fiber.Ctx, err error) {
	h := &c.Response().Header
	h.Set(fiber.HeaderCacheControl, "no-store")
	if after := core.RetryAfter(err); after != "" {
		h.Set(fiber.HeaderRetryAfter, after)
	}
}

// failure is the error that the application's ErrorHandler gets. Fiber's default sends the text of Error to the client,
// so Error is the text of the status only. core has logged the cause.
type failure struct {
	status *fiber.Error
	cause  error
}

func newFailure(_ fiber.Ctx, err error) error {
	return &failure{fiber.NewError(core.HTTPStatus(err)), err}
}

func (f *failure) Error() string   { return f.status.Message }
func (f *failure) Unwrap() []error { return []error{f.status, f.cause} }
