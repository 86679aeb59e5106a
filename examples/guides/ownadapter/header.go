package ownadapter

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// header makes fasthttp's header a core.Header.
type header fasthttp.ResponseHeader

func (h *header) Values(name string) (lines []string) {
	for _, line := range (*fasthttp.ResponseHeader)(h).PeekAll(name) {
		lines = append(lines, string(line))
	}
	return lines
}

func (h *header) Add(name, value string) { (*fasthttp.ResponseHeader)(h).Add(name, value) }
func (h *header) Set(name, value string) { (*fasthttp.ResponseHeader)(h).Set(name, value) }

// lines returns the request's header lines called name, joined, and whether there is one. BeginBytes copies them, since
// fasthttp uses the memory again.
func lines(c *fasthttp.RequestCtx, name string) ([]byte, bool) {
	all := c.Request.Header.PeekAll(name)
	return bytes.Join(all, []byte(";")), len(all) > 0
}
