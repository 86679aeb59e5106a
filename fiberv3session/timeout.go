package fiberv3session

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v3"

	"github.com/coatcheck-go/coatcheck/core"
)

// answered reports whether package timeout has answered for a handler, which may still be running: inside this
// middleware, or around it. Then c's response belongs to somebody else.
func answered(c fiber.Ctx) bool {
	// Abandon alone does not say so: package sse calls it, too. It also makes what was done before it visible here.
	return c.IsAbandoned() && c.RequestCtx().LastTimeoutErrorResponse() != nil
}

// expire ends the session of a request that package timeout has answered, as Commit ends one with status 408.
func expire(c fiber.Ctx, x *core.Exchange, outside context.Context) {
	out, _ := x.Commit(outside, http.StatusRequestTimeout)
	_ = x.Finish(outside)
	if outside.Err() == nil { // the time limit is inside, and its answer is yet to be sent
		out.Apply((*header)(&c.RequestCtx().LastTimeoutErrorResponse().Header))
	}
}
