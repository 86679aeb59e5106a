package main

import (
	"net/http"

	"github.com/gofiber/fiber/v2"
)

var crossOrigin = http.NewCrossOriginProtection()

// sameOrigin answers 403 to forms of other sites. Fiber has no http.Request, so it gets the parts that count.
func sameOrigin(c *fiber.Ctx) error {
	err := crossOrigin.Check(&http.Request{
		Method: c.Method(), Host: string(c.Request().Host()),
		Header: http.Header{"Sec-Fetch-Site": {c.Get("Sec-Fetch-Site")}, "Origin": {c.Get("Origin")}},
	})
	if err != nil {
		return fiber.NewError(fiber.StatusForbidden, err.Error())
	}
	return c.Next()
}
