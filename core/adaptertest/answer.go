package adaptertest

import (
	"os"
	"path/filepath"
	"strings"
)

// answer is one way in which a handler makes a response. secret is in each body and header that it makes.
type answer struct {
	name   string
	send   func(e *env, c Ctx) error
	status int
	body   string
	header []string // a name and the value that it must have, or nothing
}

// longBody is long enough to be compressed.
var longBody = strings.Repeat("text "+secret+" ", 100)

const frameworkError = "framework error"

var answers = []answer{
	{"body", func(_ *env, c Ctx) error { return c.String(200, longBody) }, 200, longBody, nil},
	{"nothing", func(*env, Ctx) error { return nil }, 200, "", nil},
	{"no content", func(_ *env, c Ctx) error { return c.NoContent(204) }, 204, "", nil},
	{"not modified", func(_ *env, c Ctx) error { return c.NoContent(304) }, 304, "", nil},
	{"redirect", func(_ *env, c Ctx) error { return c.Redirect(303, "/"+secret) }, 303, anyBody, []string{"Location", "/" + secret}},
	{"file", func(e *env, c Ctx) error { return c.File(e.file()) }, 200, largeBody, nil},
	{"stream", func(_ *env, c Ctx) error { return c.Stream(chunks) }, 200, longBody, nil},
	{frameworkError, func(_ *env, c Ctx) error { return c.Fail(401) }, 401, anyBody, nil},
}

// anyBody stands for a body that is the framework's choice.
const anyBody = "\x00"

func chunks(send func(string) error) {
	for part := range strings.SplitAfterSeq(longBody, " ") {
		if part != "" && send(part) != nil {
			return
		}
	}
}

// largeBody does not fit into the buffers between the handler and the client.
var largeBody = strings.Repeat("file "+secret+" ", 8<<10)

// file makes a file that holds largeBody and returns its path.
func (e *env) file() string {
	e.once.Do(func() {
		e.path = filepath.Join(e.TempDir(), "file.txt")
		e.ok(os.WriteFile(e.path, []byte(largeBody), 0o600), "make a file")
	})
	return e.path
}

// wantWhole checks that the client got the whole answer.
func (a answer) wantWhole(r *response) {
	r.b.Helper()
	if a.body == anyBody {
		r.status(a.status)
	} else {
		r.is(a.status, a.body)
	}
	for i := 0; i < len(a.header); i += 2 {
		r.wantHeader(a.header[i], a.header[i+1])
	}
}

// compression says whether the application compresses, and where.
type compression struct {
	name    string
	options Options
}

var compressions = []compression{
	{"plain", Options{}},
	{"gzip outside", Options{GzipOutside: true}},
	{"gzip inside", Options{GzipInside: true}},
}

func withCompression(name string, c compression) string {
	if c.name == "plain" {
		return name
	}
	return name + ", " + c.name
}

func answerNamed(name string) answer {
	for _, a := range answers {
		if a.name == name {
			return a
		}
	}
	panic(name)
}
