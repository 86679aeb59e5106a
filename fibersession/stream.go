package fibersession

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
)

// keep keeps the session open for what makes the body of a response after the handler, or for a hijacked connection.
// used: the handler has asked for the session.
func keep(c *fiber.Ctx, x *core.Exchange, used bool) {
	c.Context().SetUserValue(x, until{x})
	res := c.Response()
	if !res.IsBodyStream() {
		return
	}
	body := res.BodyStream()
	if _, file := body.(io.WriterTo); file && !used {
		return // it changes no session, and is sent without a copy
	}
	size := res.Header.ContentLength()
	detach(res)
	res.SetBodyStream(&stream{Reader: body, x: x, ctx: c.Context(), left: size}, size)
}

// detach takes the body from res without closing it, as all of its own methods would.
func detach(res *fasthttp.Response) {
	var h fasthttp.ResponseHeader
	res.Header.CopyTo(&h)
	skip, early, streams := res.SkipBody, res.ImmediateHeaderFlush, res.StreamBody
	*res = fasthttp.Response{SkipBody: skip, ImmediateHeaderFlush: early, StreamBody: streams}
	h.CopyTo(&res.Header)
}

// until closes a session when fasthttp has sent the last of a stream, or a hijacked connection has ended: that
// is when it closes the values of the request.
type until struct{ x *core.Exchange }

// Close implements io.Closer.
func (u until) Close() error { return u.x.Finish(u.x.Context()) }

// stream is a body that ends only when what its maker did to the session is stored. If that fails, the
// client must not take it for whole.
type stream struct {
	io.Reader
	x      *core.Exchange
	ctx    *fasthttp.RequestCtx
	left   int // bytes, negative where nobody knows
	failed error
}

func (s *stream) Read(p []byte) (int, error) {
	if s.failed != nil {
		return 0, s.failed
	}
	n, err := s.Reader.Read(p)
	if s.left > 0 {
		s.left -= n
	}
	if s.left == 0 || errors.Is(err, io.EOF) {
		if s.failed = s.x.Finish(s.x.Context()); s.failed != nil {
			// Compression outside does not look at errors, and others make a page of their text.
			s.failed = errEnded
			abort(s.ctx.Conn())
			return 0, s.failed
		}
	}
	return n, err
}

// abort lets nothing more be written. fasthttp may yet set a deadline of its own, and panics if it cannot.
func abort(conn net.Conn) {
	switch c := conn.(type) {
	case nil:
	case interface{ CloseWrite() error }: // TCP and TLS
		_ = c.CloseWrite()
	default:
		_ = c.SetWriteDeadline(time.Unix(1, 0))
	}
}

var errEnded = errors.New("the response ended early")

// Close closes the body itself.
func (s *stream) Close() error {
	if c, ok := s.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
