package examples_test

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)

// What every example does on every store. The server is shared: each case brings its own
// browsers, and ends alice's sessions of earlier cases if it counts them.
var cases = []struct {
	name string
	run  func(t *testing.T, s *server)
}{
	{"counter", counter},
	{"health check leaves sessions alone", health},
	{"cart", cart},
	{"cart in many tabs", tabs},
	{"flash is shown once", flash},
	{"wrong password", wrongPassword},
	{"sign-in", signIn},
	{"remember me", remember},
	{"sign-out", signOut},
	{"back to the page asked for", wayBack},
	{"visitors", visitors},
	{"titles", titles},
	{"a request that comes late", late},
	{"devices", devices},
	{"only one's own devices", others},
	{"no list of devices", noList},
	{"sign out everywhere else", everywhereElse},
	{"a page that is live", live},
	{"other sites cannot post", crossSite},
	{"admin", admin},
	{"restart", restart},
}

func TestShop(t *testing.T) {
	for _, app := range apps {
		for _, store := range []string{"file:./kept", "memory:", "cookie:"} {
			t.Run(app+"/"+strings.TrimSuffix(strings.TrimSuffix(store, "./kept"), ":"), func(t *testing.T) {
				t.Parallel()
				s := start(t, app, store)
				for _, c := range cases {
					t.Run(c.name, func(t *testing.T) { c.run(t, s) })
				}
			})
		}
	}
}

func counter(t *testing.T, s *server) {
	b, other := newBrowser(t, s, firefox), newBrowser(t, s, iphone)
	b.want("first visit", b.visits(), "1")
	b.want("second visit", b.visits(), "2")
	other.want("somebody else's first visit", other.visits(), "1")
	if c := b.session(); c == nil || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie: %v", c)
	}
}

func health(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox)
	b.visits()
	for _, path := range []string{"/healthz", "/style.css"} {
		b.get(path)
		if b.status != http.StatusOK || b.header.Get("Set-Cookie") != "" || b.header.Get("Vary") != "" {
			t.Errorf("%s: status %d, header %v", path, b.status, b.header)
		}
	}
	b.want("visits", b.visits(), "2")
}

func cart(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox)
	b.post("/cart/add", "sku", "coat")
	b.post("/cart/add", "sku", "coat")
	b.post("/cart/add", "sku", "umbrella")
	b.want("things in the cart", b.get("/cart").inCart(), "3")
	b.want("total", b.first(`id="total">(.*?)<`), "€410.00")

	b.post("/cart/set", "sku", "umbrella", "quantity", "3")
	b.post("/cart/set", "sku", "coat", "quantity", "0")
	b.want("what is left", strings.Join(b.find(`id="line-(\w+)"`), " "), "umbrella")
	b.want("total", b.first(`id="total">(.*?)<`), "€96.00")

	b.post("/cart/set", "sku", "umbrella", "quantity", "many")
	b.want("after no number", b.inCart(), "3")
	b.post("/cart/set", "sku", "umbrella", "quantity", "1000000")
	b.want("after far too many", b.inCart(), "20")
	if b.post("/cart/add", "sku", "moon"); b.status != http.StatusNotFound {
		t.Errorf("an unknown product: status %d", b.status)
	}
	b.post("/cart/set", "sku", "umbrella", "quantity", "0")
	b.want("an empty cart", b.inCart(), "")
}

func tabs(t *testing.T, s *server) {
	if !s.lists() {
		return // cookies: of two responses the browser keeps the later one
	}
	b := newBrowser(t, s, firefox)
	b.visits()
	const n = 8
	var all sync.WaitGroup
	for range n {
		tab := b.thief()
		all.Go(func() { tab.post("/cart/add", "sku", "hat") })
	}
	all.Wait()
	b.want("things in the cart", b.get("/cart").inCart(), strconv.Itoa(n))
	if shown := strings.Count(b.flash(), "Felt hat"); shown > 0 {
		t.Errorf("%d messages are shown a second time", shown)
	}
}

func flash(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox)
	b.post("/cart/add", "sku", "hat")
	b.want("after the redirect", b.flash(), "Felt hat is in your cart.")
	b.want("on the next page", b.get("/").flash(), "")
}

func wrongPassword(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox)
	for _, password := range []string{"", "wrong", "build-it"} { // the last one is bob's
		b.signIn("alice", password)
		b.wantUser("")
		b.want("message", b.flash(), "This name and password do not belong together.")
		b.want("the name is still there", b.first(`name="name"[^>]* value="(\w*)"`), "alice")
		if b.status != http.StatusUnprocessableEntity || b.session() != nil {
			t.Errorf("status %d, cookie %v", b.status, b.session())
		}
	}
}

func signIn(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox)
	b.post("/cart/add", "sku", "boots")
	before := b.thief()
	b.asAlice()
	b.want("message", b.flash(), "Welcome, alice.")
	b.want("things in the cart", b.inCart(), "1")
	if b.token() == before.token() {
		t.Error("the token is the one from before the sign-in")
	}
	before.get("/").wantUser("") // whoever planted or saw that token gains nothing
	b.get("/").wantUser("alice")
}

func remember(t *testing.T, s *server) {
	forgetful, b := newBrowser(t, s, firefox), newBrowser(t, s, firefox)
	forgetful.asAlice()
	forgetful.close()
	forgetful.get("/").wantUser("")

	b.signIn("alice", "looking-glass", "remember", "yes")
	if age, days30 := b.session().MaxAge, 30*24*3600; age > days30 || age < days30-60 {
		t.Errorf("Max-Age=%d, want 30 days", age)
	}
	b.close()
	b.get("/").wantUser("alice")
}

func signOut(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox)
	b.post("/cart/add", "sku", "gloves")
	b.asAlice()
	copied := b.thief()
	b.post("/sign-out")
	b.wantUser("")
	b.want("message", b.flash(), "You are signed out.")
	b.want("things in the cart", b.inCart(), "")
	copied.get("/").wantUser("")
	b.get("/devices")
	b.want("devices need a user", b.first(`id="please">(.*?)\.`), "Please sign in first")
}

// Who was asked to sign in comes to the page that was wanted, and nowhere else.
func wayBack(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox)
	b.get("/devices?from=a&b")
	if b.session() != nil {
		t.Errorf("a visitor who was asked to sign in got a session: %v", b.session())
	}
	const next = "/devices?from=a&b"
	b.want("the way back", b.first(`id="please">.*<code>(.*?)</code>`), next)
	b.signInAt("/sign-in?next="+url.QueryEscape(next), "alice", "wrong")
	b.want("after a wrong password", b.first(`id="please">.*<code>(.*?)</code>`), next)
	b.signInAt("/sign-in?next="+url.QueryEscape(next), "alice", "looking-glass")
	b.want("the page", b.first(`<h1>(.*?)</h1>`), "My devices")
	b.wantUser("alice")
	for _, evil := range []string{"https://elsewhere.example/", "//elsewhere.example", `/\elsewhere.example`, "/a\r\nb: c"} {
		b.post("/sign-out")
		b.get("/sign-in?next=" + url.QueryEscape(evil))
		b.want("the way back to "+evil, b.first(`id="please">(.*?)<`), "")
		b.signInAt("/sign-in?next="+url.QueryEscape(evil), "alice", "looking-glass")
		b.want("the page", b.first(`<h1>(.*?)</h1>`), "Hello, alice")
	}
	if b.do(http.MethodGet, "/devices", nil, http.Header{"Accept": {"application/json"}}); b.status != http.StatusOK {
		t.Errorf("signed in: status %d", b.status)
	}
	b.post("/sign-out")
	if b.do(http.MethodGet, "/devices", nil, http.Header{"Accept": {"application/json"}}); b.status != http.StatusUnauthorized {
		t.Errorf("JSON: status %d", b.status)
	}
}

// Most visitors are robots: their sessions are short, those of users are not.
func visitors(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox)
	b.visits()
	if age := b.session().MaxAge; age > 3600 || age < 3500 {
		t.Errorf("a visitor's cookie has Max-Age=%d, want an hour", age)
	}
	robot := newBrowser(t, s, firefox)
	if robot.post("/cart/set", "sku", "moon", "quantity", "1"); robot.session() != nil && robot.session().MaxAge > 3600 {
		t.Errorf("a robot's cookie has Max-Age=%d", robot.session().MaxAge)
	}
	b.asAlice()
	if b.session().MaxAge != 0 {
		t.Errorf("after the sign-in: Max-Age=%d, want none", b.session().MaxAge)
	}
	b.post("/sign-out")
	if age := b.session().MaxAge; age > 3600 || age < 3500 {
		t.Errorf("after the sign-out: Max-Age=%d, want an hour", age)
	}
}

// Every page says in its title what it is, and an unknown one has a page, too.
func titles(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox).asAlice()
	seen := map[string]bool{}
	for _, path := range []string{"/", "/cart", "/sign-in", "/devices", "/nothing"} {
		title := b.get(path).first(`<title>(.*?)</title>`)
		if seen[title] || !strings.HasSuffix(title, " · Hook & Hanger") {
			t.Errorf("%s: title %q", path, title)
		}
		seen[title] = true
	}
	if b.status != http.StatusNotFound || !strings.Contains(b.page, "nothing on this hook") {
		t.Errorf("an unknown page: status %d, %s", b.status, b.page)
	}
}

// A request that was on its way while another tab signed in or out comes with the cookie of a session that
// has just ended. It gets a page that says so, and its answer does not overwrite the newer cookie.
func late(t *testing.T, s *server) {
	if !s.lists() {
		return // of a cookie that was ended nothing is known but that
	}
	b := newBrowser(t, s, firefox)
	b.visits()
	tab := b.thief()
	b.asAlice()
	for _, c := range []struct {
		path, field, value string
		status             int
		heading            string
	}{
		{"/cart/add", "sku", "hat", http.StatusConflict, "You were signed out"},
		{"/devices/revoke-others", "", "", http.StatusOK, "Sign in"}, // where RequireLogin leads
		{"/sign-out", "", "", http.StatusConflict, "You were signed out"},
	} {
		before := tab.token()
		tab.post(c.path, c.field, c.value).wantUser("")
		if tab.status != c.status || tab.first(`<h1[^>]*>(.*?)</h1>`) != c.heading || tab.token() != before {
			t.Errorf("%s: status %d, another token: %t, page %s", c.path, tab.status, tab.token() != before, tab.page)
		}
		b.get("/").wantUser("alice")
	}
	tab = b.thief()
	before := tab.token()
	b.post("/sign-out")
	tab.post("/sign-out").wantUser("")
	if tab.status != http.StatusConflict || tab.token() != before {
		t.Errorf("a second sign-out: status %d", tab.status)
	}
}

func devices(t *testing.T, s *server) {
	b, phone := newBrowser(t, s, firefox).asAlice(), newBrowser(t, s, iphone).asAlice()
	b.get("/devices")
	if !s.lists() {
		if !strings.Contains(b.page, "This store cannot list your devices.") || len(b.ids()) > 0 {
			t.Errorf("the page does not say that the store cannot list: %s", b.page)
		}
		b.post("/devices/revoke", "id", strings.Repeat("a", 64))
		b.want("status of revoke", http.StatusText(b.status), "Not Implemented")
		return
	}
	id := phone.get("/devices").current()
	b.get("/devices")
	if names := strings.Join(b.find(`<h2>(.*?)[ <]`), " "); !strings.Contains(names, "Safari") || !strings.Contains(names, "Firefox") {
		t.Errorf("devices: %q", names)
	}
	b.want("where it signed in", b.first(`class="from">(.*?)<`), "127.0.0.0/24")
	b.want("the first device", b.ids()[0], b.current())
	b.want("its last use", b.first(`(?s)device current.*?<p>(.*?)[,<]`), "Used now")
	if ids := b.ids(); !slices.Contains(ids, id) || !slices.Contains(ids, b.current()) || id == b.current() {
		t.Errorf("IDs %q, this one %q, phone %q", ids, b.current(), id)
	}
	b.post("/devices/revoke", "id", id)
	b.want("message", b.flash(), "That device is signed out.")
	if slices.Contains(b.ids(), id) {
		t.Error("the phone is still in the list")
	}
	phone.get("/").wantUser("")
	b.get("/").wantUser("alice")
}

// A list that the store cannot give just now is no fault of the application: the client may try again.
func noList(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox).asAlice()
	if !strings.HasPrefix(s.store, "file:") {
		return
	}
	index := filepath.Join(s.dir, "kept", "subject")
	if err := os.Rename(index, index+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(index, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ask := range []func(){func() { b.get("/devices") }, func() { b.post("/devices/revoke-others") }} {
		ask()
		if b.status != http.StatusServiceUnavailable || b.header.Get("Retry-After") != "5" || !strings.Contains(b.page, "The cloakroom is closed") {
			t.Errorf("status %d, header %v", b.status, b.header)
		}
	}
	if err := os.Remove(index); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(index+".away", index); err != nil {
		t.Fatal(err)
	}
	b.get("/devices").wantUser("alice")
}

func others(t *testing.T, s *server) {
	alice, bob := newBrowser(t, s, firefox).asAlice(), newBrowser(t, s, iphone)
	bob.signIn("bob", "build-it")
	bob.wantUser("bob")
	if !s.lists() {
		return // nobody learns an ID there
	}
	id := alice.get("/devices").current()
	if slices.Contains(bob.get("/devices").ids(), id) {
		t.Error("bob sees alice's device")
	}
	bob.post("/devices/revoke", "id", id)
	bob.post("/devices/revoke", "id", "nonsense")
	bob.want("message", bob.flash(), "That device was not signed in any more.")
	bob.post("/devices/revoke-others")
	alice.get("/").wantUser("alice")
}

func everywhereElse(t *testing.T, s *server) {
	b, phone, bob := newBrowser(t, s, firefox).asAlice(), newBrowser(t, s, iphone).asAlice(), newBrowser(t, s, iphone)
	bob.signIn("bob", "build-it")
	b.post("/devices/revoke-others")
	if b.want("message", b.flash(), "You are signed out everywhere else."); s.lists() && len(b.ids()) != 1 {
		t.Errorf("devices left: %q", b.ids())
	}
	phone.get("/").wantUser("")
	b.get("/").wantUser("alice")
	bob.get("/").wantUser("bob")
}

func crossSite(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox).asAlice()
	for _, header := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}},
		{"Sec-Fetch-Site": {"same-site"}},
		{"Origin": {"https://elsewhere.example"}},
	} {
		if b.do(http.MethodPost, "/sign-out", url.Values{}, header); b.status != http.StatusForbidden {
			t.Errorf("%v: status %d", header, b.status)
		}
	}
	b.get("/").wantUser("alice")
	b.do(http.MethodPost, "/sign-out", url.Values{}, http.Header{"Origin": {s.url}})
	b.wantUser("")
}

func restart(t *testing.T, s *server) {
	b := newBrowser(t, s, firefox)
	b.post("/cart/add", "sku", "scarf") // shows the first page, too
	b.asAlice()
	ended := b.thief()
	b.post("/sign-out")
	b.asAlice()
	b.post("/cart/add", "sku", "scarf")
	b.want("visits", b.visits(), "4")
	s.restart(t)
	if !s.durable() {
		b.want("visits", b.visits(), "1")
		return
	}
	b.want("visits", b.visits(), "5")
	b.wantUser("alice")
	b.want("things in the cart", b.inCart(), "1")
	ended.get("/").wantUser("")
}

// The key of the cookie store is a secret on disk.
func TestKeyFile(t *testing.T) {
	s := start(t, "nethttp", "cookie:")
	info, err := os.Stat(filepath.Join(s.dir, "coatcheck.keys"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, app := range apps {
		cmd := exec.CommandContext(t.Context(), filepath.Join(programs, app), "-store", "memory:", "-addr", l.Addr().String())
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "choose another port with -addr") {
			t.Errorf("%s: %v: %s", app, err, out)
		}
	}
}

func TestBadStore(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), filepath.Join(programs, "gin"), "-store", "paper:").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `there is no scheme "paper"; there are cookie`) {
		t.Errorf("%v: %s", err, out)
	}
}
