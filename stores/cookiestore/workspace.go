package cookiestore

import "sync"

// workspace is the scratch memory of one OpenToken or SealToken. Its parts lie one after the other in buf. No caller
// gets a part of it.
type workspace struct{ buf []byte }

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

func getWorkspace() *workspace { return workspaces.Get().(*workspace) }

// put returns the workspace to the pool, unless one very large request has made it large.
func (w *workspace) put() {
	if cap(w.buf) <= 32<<10 {
		w.buf = w.buf[:0]
		workspaces.Put(w)
	}
}

// add appends s and b as one part and returns the part. The part stays valid when the buffer grows.
func (w *workspace) add(s string, b []byte) []byte {
	start := len(w.buf)
	w.buf = append(append(w.buf, s...), b...)
	return w.buf[start:]
}
