package examples_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

var visit = regexp.MustCompile(`(?m)^\$ curl -s -c jar -b jar http://localhost:8080/\n(.+)$`)

// TestQuickstart: README's program answers as README prints it, also after a restart.
func TestQuickstart(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	printed := visit.FindAllStringSubmatch(string(readme), -1)
	if len(printed) < 2 {
		t.Fatalf("README.md shows %d visits", len(printed))
	}
	addr, dir, cookie := startserver.DeadAddr(t), t.TempDir(), ""
	for _, want := range printed {
		stop := quickstart(t, addr, dir)
		req, err := http.NewRequest("GET", "http://"+addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", cookie)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(body) != want[1]+"\n" {
			t.Errorf("%q, %v, README.md prints %q", body, err, want[1])
		}
		for _, c := range res.Cookies() {
			cookie = c.Name + "=" + c.Value
		}
		stop()
	}
}

// quickstart runs the program until stop is called, or the test ends.
func quickstart(t *testing.T, addr, dir string) (stop func()) {
	cmd := exec.Command(filepath.Join(programs, "quickstart"))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PORT="+addr[strings.LastIndexByte(addr, ':')+1:])
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return stop
		}
		if time.Now().After(deadline) {
			t.Fatal("the program does not listen: ", err)
		}
	}
}
