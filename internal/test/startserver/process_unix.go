//go:build unix

package startserver

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

// process is one run of a program, in a process group of its own.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// launcher starts all programs on one thread, which lives as long as the test binary: Linux sends the parent-death
// signal when the thread that started a child ends.
var launcher = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

// run starts a program in dir. If the test is root, the program runs as the account.
func run(dir, account, path string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), log: filepath.Join(dir, "log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	p.cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+dir)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(p.cmd.SysProcAttr)
	if p.cmd.SysProcAttr.Credential, err = credential(account); err != nil {
		return nil, err
	}
	started := make(chan error)
	launcher() <- func() { started <- p.cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// credential returns the account's credential if the test is root, since servers refuse to run as root. Otherwise it
// returns nil.
func credential(account string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(account)
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// chownTo makes the account the owner of a folder.
func chownTo(dir, account string) error {
	c, err := credential(account)
	if c == nil || err != nil {
		return err
	}
	return os.Chown(dir, int(c.Uid), int(c.Gid))
}

// runToEnd runs a program to its end.
func runToEnd(dir, account, path string, args ...string) error {
	p, err := run(dir, account, path, args...)
	if err != nil {
		return err
	}
	<-p.done
	if !p.cmd.ProcessState.Success() {
		return fmt.Errorf("%s: %s: %s", filepath.Base(path), p.cmd.ProcessState, p.output())
	}
	return nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// output is the end of what the program wrote.
func (p *process) output() string {
	text, _ := os.ReadFile(p.log)
	return string(bytes.TrimSpace(text[max(0, len(text)-2000):]))
}

// signal sends a signal to the process, its group, and children that left the group, as those of PostgreSQL do.
func (p *process) signal(sig syscall.Signal) {
	if p.ended() {
		return
	}
	if sig != syscall.SIGCONT { // stopped, it cannot start more children after descendants has looked
		_ = syscall.Kill(p.pid(), syscall.SIGSTOP)
		awaitStopped(p.pid())
	}
	all := descendants(p.pid())
	_ = syscall.Kill(-p.pid(), sig)
	for _, pid := range all {
		_ = syscall.Kill(pid, sig)
	}
}

func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

func (p *process) pause() {
	p.signal(syscall.SIGSTOP)
	for _, pid := range append(descendants(p.pid()), p.pid()) {
		awaitStopped(pid)
	}
}

func (p *process) resume() { p.signal(syscall.SIGCONT) }
