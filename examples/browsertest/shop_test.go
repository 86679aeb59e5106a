package browsertest

import (
	"bufio"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// The way of a customer through the shop, with two browsers.
func TestShopInChromium(t *testing.T) {
	path := chromium(t)
	// Not t.Context(), which ends before the browsers could be closed.
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	url := startShop(t, ctx, "gin")
	laptop, phone := open(t, ctx, path, url), open(t, ctx, path, url)

	// The counter, and that the browser keeps a Secure cookie on http://127.0.0.1.
	laptop.visit("/")
	laptop.visit("/")
	laptop.want("#visits", "2")
	anonymous := laptop.cookie()
	if !anonymous.Secure || !anonymous.HTTPOnly || anonymous.SameSite != network.CookieSameSiteLax || anonymous.Session {
		t.Errorf("cookie before the sign-in: %+v", anonymous)
	}

	// A cart, and a message that is there once.
	laptop.submit(`button[value="umbrella"]`)
	laptop.want(".flash", "Umbrella is in your cart.")
	laptop.visit("/cart")
	laptop.want(".flash", "")
	laptop.want("#total", "€32.00")
	laptop.do("choose three", chromedp.SetValue(chromedp.CSS("#n-umbrella"), "3"))
	laptop.submit("#line-umbrella .quantity button")
	laptop.want("#total", "€96.00")
	laptop.want("#cart-count", "3")

	// Signing in changes the token and keeps the cart. Without "remember me" the cookie goes
	// with the browser.
	laptop.signIn("alice", "looking-glass")
	laptop.want(".flash", "Welcome, alice.")
	laptop.want("#cart-count", "3")
	if c := laptop.cookie(); c.Value == anonymous.Value || !c.Session {
		t.Errorf("cookie after the sign-in: %+v", c)
	}

	// A second browser is a second device, which the first one can end.
	phone.signIn("alice", "looking-glass")
	phone.want("#cart-count", "")
	laptop.visit("/devices")
	laptop.wantCount(".device", 2)
	laptop.want(".current .badge", "this device")
	laptop.submit(".device:not(.current) button")
	laptop.want(".flash", "That device is signed out.")
	laptop.wantCount(".device", 1)
	phone.visit("/devices")
	phone.want("h1", "Sign in")
	phone.want("#user", "")

	// Signing out.
	laptop.submit("#sign-out")
	laptop.want(".flash", "You are signed out.")
	laptop.want("#user", "")
	laptop.want("#cart-count", "")
}

// A page that is live shows what another tab does, and stops when another tab signs out.
func TestLivePageInChromium(t *testing.T) {
	path := chromium(t)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	for _, app := range []string{"nethttp", "fiber"} {
		live := open(t, ctx, path, startShop(t, ctx, app))
		live.signIn("alice", "looking-glass")
		live.visit("/live")
		live.wantCount("#live-over:not([hidden])", 0)
		live.post("/cart/add", "umbrella")
		live.eventually("#live-count", "1")
		live.post("/sign-out", "")
		live.eventually("#live-over:not([hidden])", "You are signed out, so this page has stopped. Sign in")
		live.wantCount("#live-hint:not([hidden])", 0)
	}
}

// The administrator finds one of alice's sessions and ends it. Its page has a preview in front, and needs no JavaScript.
func TestAdminInChromium(t *testing.T) {
	path := chromium(t)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	admin := open(t, ctx, path, startShop(t, ctx, "gin"))
	kept, ended := admin.incognito(), admin.incognito()
	kept.signIn("alice", "looking-glass")
	ended.signIn("alice", "looking-glass")
	ended.submit(`button[value="hat"]`)
	admin.signIn("admin", "cloakroom")
	if _, err := chromedp.Call(admin.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	admin.submit(`nav a[href="/admin/"]`)
	admin.want("h1", "Overview")
	admin.want("figure:nth-child(3) b", "3") // sign-ins
	admin.do("name the user", chromedp.SendKeys(chromedp.CSS("#user"), "alice"))
	admin.submit(`form[action="sessions"] button`)
	admin.wantCount("tbody tr", 2)
	admin.submit("tbody tr:first-child a") // the last one used
	admin.want("tbody tr:first-child td.text", `{"hat":1}`)
	admin.submit(`.do a[href^="revoke?id="]`)
	admin.want("h1", "Revoke sessions")
	ended.visit("/cart")
	ended.want("#user", "alice")
	admin.submit("button.danger")
	admin.want("h1", "Sessions revoked")
	admin.want("[role=status] b", "1")
	ended.visit("/cart")
	ended.want("#user", "")
	kept.visit("/cart")
	kept.want("#user", "alice")
}

// startShop builds and runs an example, and returns its URL.
func startShop(t *testing.T, ctx context.Context, app string) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "shop")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./"+app)
	build.Dir = ".." // the examples' module
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	shop := exec.CommandContext(ctx, program, "-addr", "127.0.0.1:0")
	shop.Dir = dir
	shop.Cancel = func() error { return shop.Process.Signal(syscall.SIGTERM) }
	shop.WaitDelay = 10 * time.Second
	out, err := shop.StdoutPipe()
	if err == nil {
		err = shop.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	t.Cleanup(func() {
		_ = shop.Cancel()
		for lines.Scan() {
			if t.Failed() {
				t.Log(lines.Text())
			}
		}
		_ = shop.Wait()
	})
	for lines.Scan() {
		if _, url, found := strings.Cut(lines.Text(), "http://"); found {
			return "http://" + url
		}
	}
	t.Fatal("the shop printed no URL")
	return ""
}
