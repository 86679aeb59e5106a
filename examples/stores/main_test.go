package main

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// A URL that cannot be meant is refused with what can, and a password is never repeated.
func TestWrongStores(t *testing.T) {
	for url, want := range map[string]string{
		"paper":                        "begins with a scheme and a colon",
		"sqlite:":                      "is no sqlite:FILE",
		"memory:?max_record=5":         "did you mean max_records?",
		"redis://shop:secret@h:many/0": "is not USER:PASSWORD@HOST:PORT",
		"memory:?cache=file:":          "option cache: coatcheck: open the store file:: ",
	} {
		t.Run(url, func(t *testing.T) { refused(t, url, want) })
	}
	t.Run("none", func(t *testing.T) { refused(t, "", "COATCHECK_STORE") })
}

// refused checks that the shop ends at once with an error of these words.
func refused(t *testing.T, url, want string) {
	t.Helper()
	cmd := command(t.TempDir(), url)
	hung := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err == nil || !strings.Contains(text, "error: ") || !strings.Contains(text, want) || strings.Contains(text, "secret") {
		t.Errorf("%s: no %q: %v, %s", url, want, err, text)
	}
}

func TestServerIsDown(t *testing.T) {
	addr := startserver.DeadAddr(t)
	for _, url := range []string{
		"redis://shop:secret@" + addr + "/0", "memcache://" + addr, "memory:?cache=redis://:secret@" + addr,
		"postgres://shop:secret@" + addr + "/shop?sslmode=disable", "mysql://shop:secret@" + addr + "/shop",
	} {
		t.Run(url, func(t *testing.T) { refused(t, url, addr) })
	}
}

// A server that takes connections and then says nothing ends the wait by itself.
func TestServerHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // after the parallel tests
	addr := l.Addr().String()
	for _, url := range []string{
		"redis://" + addr + "/0", "memcache://" + addr,
		"postgres://shop@" + addr + "/shop?sslmode=disable", "mysql://shop@" + addr + "/shop?readTimeout=500ms",
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			refused(t, url, "")
		})
	}
}

// The shop is a copy of ../gin, and stays one.
func TestShopIsGins(t *testing.T) {
	from := func(name, begin string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), begin)
		if !found {
			t.Fatalf("%s: no %q", name, begin)
		}
		return rest
	}
	const routes = "\nfunc routes("
	if from("shop.go", routes) != from("../gin/main.go", routes) {
		t.Error("shop.go differs from ../gin/main.go below routes: copy it")
	}
	if from("devices.go", "package main\n") != from("../gin/devices.go", "package main\n") {
		t.Error("devices.go differs from ../gin/devices.go: copy it")
	}
}
