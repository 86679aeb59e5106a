package load

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/bench/peer"
)

// child is this program again, serving one App.
type child struct {
	cmd *exec.Cmd
	url string
}

// appVariable tells a child which of peer.All to serve.
const appVariable = "TESTS_BENCH_APP"

func start(app int) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "serve")
	cmd.Env = append(os.Environ(), appVariable+"="+strconv.Itoa(app), "GIN_MODE=release")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	// It ends when this pipe does, also if this process is killed.
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd}
	lines := bufio.NewScanner(out)
	for lines.Scan() { // a framework may have a banner
		if addr, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			c.url = "http://" + addr
			return c, nil
		}
	}
	c.stop()
	return nil, fmt.Errorf("the child ended before it listened: %v", lines.Err())
}

func (c *child) stop() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// Serve is what a child does.
func Serve() error {
	n, err := strconv.Atoi(os.Getenv(appVariable))
	if err != nil || n < 0 || n >= len(peer.All) {
		return fmt.Errorf("%s=%q: this command is for the suite load", appVariable, os.Getenv(appVariable))
	}
	app, err := peer.All[n].New(peer.Env{})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("listening on", l.Addr())
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	if app.Fast != nil {
		return (&fasthttp.Server{Handler: app.Fast}).Serve(l)
	}
	return http.Serve(l, app.HTTP)
}
