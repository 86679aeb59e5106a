package cookiestore

import "sync"

// workspace is the memory that one Open or Seal works in, part after part.
// Nothing of it is handed out.
type workspace struct{ buf []byte }

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

func getWorkspace() *workspace { return workspaces.Get().(*workspace) }

// put keeps no memory for the sake of one request that was far too large.
func (w *workspace) put() {
	if cap(w.buf) <= 32<<10 {
		w.buf = w.buf[:0]
		workspaces.Put(w)
	}
}

// add appends a part and returns it. It stays valid when the buffer grows.
func (w *workspace) add(s string, b []byte) []byte {
	start := len(w.buf)
	w.buf = append(append(w.buf, s...), b...)
	return w.buf[start:]
}
