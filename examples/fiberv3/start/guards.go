package main

import (
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v3"
)

var crossOrigin = http.NewCrossOriginProtection()

// sameOrigin answers 403 to forms of other sites. Fiber has no http.Request, so it gets the parts that count.
func sameOrigin(c fiber.Ctx) error {
	err := crossOrigin.Check(&http.Request{
		Method: c.Method(), Host: string(c.Request().Host()),
		Header: http.Header{"Sec-Fetch-Site": {c.Get("Sec-Fetch-Site")}, "Origin": {c.Get("Origin")}},
	})
	if err != nil {
		return fiber.NewError(fiber.StatusForbidden, err.Error())
	}
	return c.Next()
}

// withoutHeader is Fiber's error handler, but for a request that Fiber cannot read: the default page would show its header,
// cookies included, to every script of the site.
func withoutHeader(c fiber.Ctx, err error) error {
	if e := (*fiber.Error)(nil); errors.As(err, &e) && e.Code == fiber.StatusBadRequest {
		err = fiber.ErrBadRequest
	}
	return fiber.DefaultErrorHandler(c, err)
}
