package main

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// A flag that cannot be meant is refused with what can, and a password is never repeated.
func TestBadFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"-store", "paper"}, []string{`-store "paper": no such store; there are:`, "sqlite:FILE", "memcache://HOST:PORT"}},
		{[]string{"-store", ""}, []string{`-store "": no such store`}},
		{[]string{"-store", "sqlite:"}, []string{`-store "sqlite:": no such store`, "sqlite:FILE"}},
		{[]string{"-store", "memory:5"}, []string{`-store "memory:5": no such store`}},
		{[]string{"-store", "sqlite:no/such/folder/shop.db"}, []string{`-store "sqlite:no/such/folder/shop.db": open`}},
		{[]string{"-store", "redis://localhost/zero"}, []string{`-store "redis://localhost/zero"`, "database number"}},
		{[]string{"-store", "memcache://"}, []string{`-store "memcache://"`}},
		{[]string{"-store", "memcache://localhost"}, []string{`-store "memcache://localhost"`, "port"}},
		{[]string{"-store", "mysql://localhost/shop?tls=perhaps"}, []string{`-store "mysql://localhost/shop?tls=perhaps"`, "tls"}},
		{[]string{"-store", "memory", "-cache", "file:x"}, []string{`-cache "file:x": no such cache; there are:`, "redis://HOST:PORT/1"}},
		{[]string{"-store", "cookie", "-cache", "memory"}, []string{`-cache "memory": -store cookie keeps nothing on the server`}},
		{[]string{"-store", "redis://shop:secret@local host/0"}, []string{`-store "redis://shop:xxxxx@local host/0"`, "redis://HOST:PORT/0"}},
		{[]string{"-store", "postgres://shop:secret@localhost:many/shop"}, []string{`-store "postgres://shop:xxxxx@localhost:many/shop"`}},
		{[]string{"-store", "mysql://shop:secret@localhost:many/shop"}, []string{`-store "mysql://shop:xxxxx@localhost:many/shop"`}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) { refused(t, c.args, c.want...) })
	}
}

// refused checks that the shop ends at once with an error of these words.
func refused(t *testing.T, args []string, words ...string) {
	t.Helper()
	cmd := command(t.TempDir(), args...)
	hung := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err == nil || !strings.Contains(text, "error: ") || strings.Contains(text, "secret") {
		t.Errorf("%v: %s", err, text)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("no %q in %s", word, text)
		}
	}
	if testing.Verbose() {
		t.Logf("%s", text)
	}
}

func TestServerIsDown(t *testing.T) {
	addr := startserver.DeadAddr(t)
	for _, url := range []string{
		"redis://shop:secret@" + addr + "/0", "memcache://" + addr,
		"postgres://shop:secret@" + addr + "/shop?sslmode=disable", "mysql://shop:secret@" + addr + "/shop",
	} {
		shown := strings.Replace(url, ":secret", ":xxxxx", 1)
		t.Run(url, func(t *testing.T) {
			refused(t, []string{"-store", url}, `-store "`+shown+`": no server answers there; is it running?`, addr)
		})
		if strings.HasPrefix(url, "redis") || strings.HasPrefix(url, "memcache") {
			t.Run("cache "+url, func(t *testing.T) {
				refused(t, []string{"-store", "memory", "-cache", url}, `-cache "`+shown+`": no server answers there; is it running?`)
			})
		}
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
			refused(t, []string{"-store", url}, "no server answers there")
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
