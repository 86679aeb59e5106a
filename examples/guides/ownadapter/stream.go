package ownadapter

import (
	"errors"
	"io"
	"net"

	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
)

// until closes a session that is still open when fasthttp has sent the end of a stream, or when a hijacked connection
// has ended. It is a value of the request, and fasthttp closes those at that time.
type until struct{ x *core.Exchange }

// Close implements io.Closer.
func (u until) Close() error { return u.x.Finish(u.x.Context()) }

// wrap makes the response's body a stream that stores the session's late changes before its end.
func wrap(c *fasthttp.RequestCtx, x *core.Exchange) {
	body, size := c.Response.BodyStream(), c.Response.Header.ContentLength()
	detach(&c.Response)
	c.Response.SetBodyStream(&stream{Reader: body, x: x, conn: c.Conn(), left: size}, size)
}

// detach removes the body from res and does not close it. All of res's own methods close it.
func detach(res *fasthttp.Response) {
	var h fasthttp.ResponseHeader
	res.Header.CopyTo(&h)
	skip, early, streams := res.SkipBody, res.ImmediateHeaderFlush, res.StreamBody
	*res = fasthttp.Response{SkipBody: skip, ImmediateHeaderFlush: early, StreamBody: streams}
	h.CopyTo(&res.Header)
}

// stream is a body that ends only when the changes that its writer made to the session are stored. If that fails, the
// connection ends early, so that the client does not take the body for complete.
type stream struct {
	io.Reader
	x      *core.Exchange
	conn   net.Conn
	left   int // bytes; negative if the length is unknown
	failed error
}

var errEnded = errors.New("ownadapter: the response ended early")

func (s *stream) Read(p []byte) (int, error) {
	if s.failed != nil {
		return 0, s.failed
	}
	n, err := s.Reader.Read(p)
	if s.left > 0 {
		s.left -= n
	}
	if s.left == 0 || errors.Is(err, io.EOF) {
		if s.x.Finish(s.x.Context()) != nil {
			s.failed = errEnded
			// Compression outside ignores the error. Closing conn would make fasthttp panic when it sets a deadline.
			if c, ok := s.conn.(interface{ CloseWrite() error }); ok { // TCP and TLS
				_ = c.CloseWrite()
			}
			return 0, s.failed
		}
	}
	return n, err
}

// Close closes the body that stream wraps.
func (s *stream) Close() error {
	if c, ok := s.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
