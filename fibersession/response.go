package fibersession

import (
	"bytes"
	"errors"
	"net/http"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
)

// lines returns what the request has under name. It shares the request's memory.
func lines(c *fiber.Ctx, name string) []byte {
	all := c.Request().Header.PeekAll(name)
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return bytes.Join(all, []byte(";"))
}

// render makes a response of the error that the handler returned, as Fiber would after all
// middleware, when it is too late for the session to learn the status.
func render(c *fiber.Ctx, err error) {
	var f *failure
	if errors.As(err, &f) {
		refuse(c, f.cause)
	}
	if c.App().ErrorHandler(c, err) != nil {
		_ = c.SendStatus(http.StatusInternalServerError)
	}
}

// apply is core.Out.Apply for the header of fasthttp, which keeps a line of Set-Cookie
// as it is.
func apply(c *fiber.Ctx, m *core.Manager, out core.Out) {
	for _, inner := range out.Inner {
		apply(c, m, inner)
	}
	h := &c.Response().Header
	if out.Vary != "" && !core.HasMember(values(h, fiber.HeaderVary), out.Vary) {
		h.Add(fiber.HeaderVary, out.Vary)
	}
	if out.Name == "" {
		return
	}
	h.Add(out.Name, out.Value)
	if !core.Uncached(values(h, fiber.HeaderCacheControl)) {
		h.Set(fiber.HeaderCacheControl, "no-store")
	}
	if out.Name == fiber.HeaderSetCookie && !c.Context().IsTLS() {
		m.SentPlain(utils.UnsafeString(c.Request().Header.Host()), c.Get(fiber.HeaderXForwardedProto)+c.Get(fiber.HeaderForwarded))
	}
}

func values(h *fasthttp.ResponseHeader, name string) (lines []string) {
	for _, line := range h.PeekAll(name) {
		lines = append(lines, string(line))
	}
	return lines
}

var headers = sync.Pool{New: func() any { return new(fasthttp.ResponseHeader) }}

// remember keeps what stands in the header before the handler: nil if that is nothing.
func remember(h *fasthttp.ResponseHeader) *fasthttp.ResponseHeader {
	if n := h.Len(); n == 0 || n == 1 && len(h.ContentType()) > 0 {
		return nil // but for the default Content-Type
	}
	before := headers.Get().(*fasthttp.ResponseHeader)
	h.CopyTo(before)
	return before
}

func forget(before *fasthttp.ResponseHeader) {
	if before != nil {
		headers.Put(before)
	}
}

// wipe takes the handler's response away: body, header, and what it wanted to do with the
// connection.
func wipe(c *fiber.Ctx, before *fasthttp.ResponseHeader) {
	c.Context().Hijack(nil)
	res := c.Response()
	res.ResetBody()
	res.ImmediateHeaderFlush = false
	h := &res.Header
	var names []string
	h.VisitAll(func(name, _ []byte) { names = append(names, string(name)) })
	for _, name := range names {
		h.Del(name)
	}
	h.SetStatusCode(http.StatusOK)
	if before != nil {
		before.CopyTo(h)
	}
}
