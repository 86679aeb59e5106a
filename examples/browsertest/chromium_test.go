package browsertest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// deadline is for a whole test; a step that hangs must not eat the time of all others.
const (
	deadline = 2 * time.Minute
	stepTime = 20 * time.Second
)

// chromium finds the browser. Where CI is set, a machine without one has not run the tests.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const why = "no Chromium in PATH: install it (Debian: apt-get install chromium)"
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

// profile is one browser with cookies of its own.
type profile struct {
	t   *testing.T
	ctx context.Context
	url string
}

// open starts a browser. The end of the test, or of ctx, ends that process, and its
// profile goes with it.
func open(t *testing.T, ctx context.Context, path, url string) *profile {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.WindowSize(500, 900),
		chromedp.NoSandbox, // the sandbox needs a user who is not root
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
	ctx, endProcess := chromedp.NewExecAllocator(ctx, options...)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("closing Chromium: %v", err)
		}
		endProcess()
	})
	if err := chromedp.Do(ctx); err != nil { // without a time of its own: it would be the browser's
		t.Fatalf("Chromium does not start: %v", err)
	}
	return &profile{t: t, ctx: ctx, url: url}
}

// incognito is another profile in the same browser.
func (p *profile) incognito() *profile {
	p.t.Helper()
	ctx, _ := chromedp.NewContext(p.ctx, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(ctx); err != nil {
		p.t.Fatalf("another profile: %v", err)
	}
	return &profile{t: p.t, ctx: ctx, url: p.url}
}

// step is the context of one step.
func (p *profile) step() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, stepTime)
}

func (p *profile) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := p.step()
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

func (p *profile) visit(path string) {
	p.t.Helper()
	p.do("open "+path, chromedp.Navigate(p.url+path))
}

// submit clicks a button and waits for the page that its form leads to.
func (p *profile) submit(button chromedp.CSS) {
	p.t.Helper()
	ctx, cancel := p.step()
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(button)); err != nil {
		p.t.Fatalf("click %s: %v", button, err)
	}
}

// texts returns what the elements that match say. There may be none.
func (p *profile) texts(selector string) []string {
	p.t.Helper()
	ctx, cancel := p.step()
	defer cancel()
	quoted, _ := json.Marshal(selector)
	texts, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](
		`[...document.querySelectorAll(`+string(quoted)+`)].map(e => e.innerText.trim())`))
	if err != nil {
		p.t.Fatalf("read %s: %v", selector, err)
	}
	return texts
}

// want checks what the only element that matches says; "" for none.
func (p *profile) want(selector, want string) {
	p.t.Helper()
	if got := strings.Join(p.texts(selector), " | "); got != want {
		p.t.Errorf("%s: got %q, want %q", selector, got, want)
	}
}

// eventually waits until the only element that matches says want.
func (p *profile) eventually(selector, want string) {
	p.t.Helper()
	for end := time.Now().Add(stepTime); strings.Join(p.texts(selector), " | ") != want; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.want(selector, want)
			return
		}
	}
}

// post sends a form as another tab would. This page stays.
func (p *profile) post(path, sku string) {
	p.t.Helper()
	ctx, cancel := p.step()
	defer cancel()
	script := `fetch("` + path + `", {method: "POST", body: new URLSearchParams({sku: "` + sku + `"})}), true`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script)); err != nil {
		p.t.Fatalf("post %s: %v", path, err)
	}
}

func (p *profile) wantCount(selector string, want int) {
	p.t.Helper()
	if got := len(p.texts(selector)); got != want {
		p.t.Errorf("%s: there are %d, want %d", selector, got, want)
	}
}

func (p *profile) signIn(name, password string) {
	p.t.Helper()
	p.visit("/sign-in")
	p.do("fill in the form",
		chromedp.SendKeys(chromedp.CSS("#name"), name),
		chromedp.SendKeys(chromedp.CSS("#password"), password))
	p.submit("button#sign-in")
	p.want("#user", name)
}

// cookie is the session cookie as the browser keeps it.
func (p *profile) cookie() network.Cookie {
	p.t.Helper()
	ctx, cancel := p.step()
	defer cancel()
	all, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{p.url + "/"}})
	if err != nil {
		p.t.Fatalf("read the cookies: %v", err)
	}
	for _, c := range all.Cookies {
		if c.Name == "__Host-session" {
			return *c
		}
	}
	p.t.Fatal("the browser has no __Host-session cookie")
	return network.Cookie{}
}
