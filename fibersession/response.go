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

// apply puts out into the response.
func apply(c *fiber.Ctx, m *core.Manager, out core.Out) {
	if out.Name == "" && out.Vary == "" && out.More == nil { // as for most requests
		return
	}
	out.Apply((*header)(&c.Response().Header))
	if out.Name == fiber.HeaderSetCookie && !c.Context().IsTLS() {
		m.Adapter().SentPlain(utils.UnsafeString(c.Request().Header.Host()), c.Get(fiber.HeaderXForwardedProto)+c.Get(fiber.HeaderForwarded))
	}
}

// header is fasthttp's as a core.Header. It keeps a line of Set-Cookie for each cookie.
type header fasthttp.ResponseHeader

func (h *header) Values(name string) (lines []string) {
	for _, line := range (*fasthttp.ResponseHeader)(h).PeekAll(name) {
		lines = append(lines, string(line))
	}
	return lines
}

func (h *header) Add(name, value string) { (*fasthttp.ResponseHeader)(h).Add(name, value) }
func (h *header) Set(name, value string) { (*fasthttp.ResponseHeader)(h).Set(name, value) }

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
