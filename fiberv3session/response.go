package fiberv3session

import (
	"bytes"
	"errors"
	"net/http"
	"sync"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/utils/v2"
	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
)

// lines returns the request's header lines called name, joined, and whether there is one. The result may share the
// request's memory.
func lines(c fiber.Ctx, name string) ([]byte, bool) {
	switch all := c.Request().Header.PeekAll(name); len(all) {
	case 0:
		return nil, false
	case 1:
		return all[0], true
	default:
		return bytes.Join(all, []byte(";")), true
	}
}

// render makes a response of the error that the handler returned. Fiber would do so after all middleware, which is too
// late: the session has to know the status. An error of core that the handler returned as it is, such as an outage that
// Manager.Sessions met, must not look like a fault of the application.
func (mw *middleware) render(c fiber.Ctx, err error) {
	var f *failure
	var known *fiber.Error
	if errors.As(err, &f) {
		refuse(c, f.cause)
	} else if core.HTTPStatus(err) != http.StatusInternalServerError && !errors.As(err, &known) {
		refuse(c, err)
		if err = mw.onError(c, err); err == nil {
			return
		}
	}
	if c.App().ErrorHandler(c, err) != nil {
		_ = c.SendStatus(http.StatusInternalServerError)
	}
}

// apply adds out to the header of the response.
func apply(c fiber.Ctx, m *core.Manager, out core.Out) {
	if out.Name == "" && out.Vary == "" && out.More == nil { // as for most requests
		return
	}
	out.Apply((*header)(&c.Response().Header))
	if out.Name == fiber.HeaderSetCookie && !c.RequestCtx().IsTLS() {
		m.Adapter().SentPlain(utils.UnsafeString(c.Request().Header.Host()), c.Get(fiber.HeaderXForwardedProto)+c.Get(fiber.HeaderForwarded))
	}
}

// header makes a fasthttp header a core.Header. fasthttp keeps a Set-Cookie line for each cookie.
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

// remember copies the header as it is before the handler. It returns nil if the header is empty.
func remember(h *fasthttp.ResponseHeader) *fasthttp.ResponseHeader {
	if n := h.Len(); n == 0 || n == 1 && len(h.ContentType()) > 0 {
		return nil // the default Content-Type does not count
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

// wipe removes the handler's response: its body, its header fields, and a hijack of the connection.
func wipe(c fiber.Ctx, before *fasthttp.ResponseHeader) {
	c.RequestCtx().Hijack(nil)
	res := c.Response()
	res.ResetBody()
	res.ImmediateHeaderFlush = false
	h := &res.Header
	var names []string
	for name := range h.All() {
		names = append(names, string(name))
	}
	for _, name := range names {
		h.Del(name)
	}
	h.SetStatusCode(http.StatusOK)
	if before != nil {
		before.CopyTo(h)
	}
}
