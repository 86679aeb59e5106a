package fiberv3session

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
)

// keep keeps the session open for a body that is made after the handler, or for a hijacked connection. used reports
// whether the handler has asked for the session.
func keep(c fiber.Ctx, x *core.Exchange, used bool) {
	res := c.Response()
	if !res.IsBodyStream() {
		return
	}
	body := res.BodyStream()
	if _, file := body.(io.WriterTo); file && !used {
		return // a file changes no session; unwrapped, it is sent without a copy
	}
	size := res.Header.ContentLength()
	detach(res)
	res.SetBodyStream(&stream{Reader: body, x: x, ctx: c.RequestCtx(), left: size}, size)
}

// detach removes the body from res and does not close it. All of res's own methods close it.
func detach(res *fasthttp.Response) {
	var h fasthttp.ResponseHeader
	res.Header.CopyTo(&h)
	skip, early, streams := res.SkipBody, res.ImmediateHeaderFlush, res.StreamBody
	*res = fasthttp.Response{SkipBody: skip, ImmediateHeaderFlush: early, StreamBody: streams}
	h.CopyTo(&res.Header)
}

// until closes a session that is still open when fasthttp has sent the end of a stream, or when a hijacked connection
// has ended. It is a value of the request, and fasthttp closes those at that time.
type until struct{ x *core.Exchange }

// Close implements io.Closer.
func (u until) Close() error { return u.x.Finish(u.x.Context()) }

// stream is a body that ends only when the changes that its writer made to the session are stored. If that fails, the
// connection ends early, so that the client does not take the body for complete.
type stream struct {
	io.Reader
	x      *core.Exchange
	ctx    *fasthttp.RequestCtx
	left   int // bytes; negative if the length is unknown
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
			// Outer compression ignores errors, and other readers make a page of the error's text.
			s.failed = errEnded
			abort(s.ctx.Conn())
			return 0, s.failed
		}
	}
	return n, err
}

// abort stops all writes to conn. It does not close conn: fasthttp may still set a deadline, and panics if it cannot.
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

// Close closes the body that stream wraps.
func (s *stream) Close() error {
	if c, ok := s.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
