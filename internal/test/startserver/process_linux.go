package startserver

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// dieWithParent makes the kernel kill the server when the test binary dies without its cleanups: by a panic, a timeout
// or a kill.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// awaitStopped waits until the last thread of a process has stopped. On a busy machine it may still answer a request
// before that.
func awaitStopped(pid int) {
	for range 1000 {
		stats, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
		running := false
		for _, path := range stats {
			text, _ := os.ReadFile(path)
			fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
			running = running || len(fields) > 0 && fields[0][0] != 'T' && fields[0][0] != 'Z'
		}
		if !running {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// descendants returns the children of a process and theirs.
func descendants(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		// pid (name, which may hold anything) state ppid ...
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) < 2 {
			continue
		}
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, _ := strconv.Atoi(string(fields[1]))
		children[parent] = append(children[parent], child)
	}
	var all []int
	for todo := children[pid]; len(todo) > 0; todo = todo[1:] {
		all = append(all, todo[0])
		todo = append(todo, children[todo[0]]...)
	}
	return all
}
