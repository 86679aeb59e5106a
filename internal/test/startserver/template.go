package startserver

import (
	"path/filepath"
	"sync"
	"testing"
)

// templates are the folders of data that databases begin with, by the program's name. To install one takes seconds, to
// copy it a tenth of that.
var templates struct {
	sync.Mutex
	of map[string]string
}

// installed fills the folder data in s.Dir. install makes it, once for all servers of this name: they have no
// differences in it, and only copies are ever started.
func (s *Server) installed(tb testing.TB, install func(data string) error) error {
	data := filepath.Join(s.Dir, "data")
	if !mainRuns.Load() { // nobody would remove the template
		return install(data)
	}
	templates.Lock()
	defer templates.Unlock()
	if templates.of[s.Name] == "" {
		template := filepath.Join(folder(lasting{tb}, s.account), "data")
		if err := install(template); err != nil {
			return err
		}
		if templates.of == nil {
			templates.of = map[string]string{}
		}
		templates.of[s.Name] = template
	}
	cp := program(tb, "cp")
	return runToEnd(s.Dir, s.account, cp, "-Rp", templates.of[s.Name], data)
}
