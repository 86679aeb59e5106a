package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

func TestMain(m *testing.M) { os.Exit(startserver.Main(m)) }

const cart core.Key[string] = "cart"

const secret = "a-coat-of-wool"

// shop is an application with sessions in a store. Its tokens must be in no output.
type shop struct {
	*testing.T
	m      *core.Manager
	tokens []string
}

// newShop opens a shop on a store, and sets the environment for the command.
func newShop(t *testing.T, url string) *shop {
	t.Helper()
	t.Setenv("COATCHECK_STORE", url)
	t.Setenv("COATCHECK_NAMESPACE", "shop")
	t.Setenv("COATCHECK_DEVICES", "true")
	cfg, err := core.ConfigFromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := core.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return &shop{T: t, m: m}
}

// signsIn begins a session of a user, "" for a visitor, with a cart of n bytes and more.
func (s *shop) signsIn(user string, n int) core.ID {
	s.Helper()
	var id core.ID
	h := httpsession.New(s.m)(httpsession.Handle(func(_ http.ResponseWriter, r *http.Request, one *core.Session) {
		if user != "" {
			_ = one.LoginBy(user, "password")
		}
		_ = cart.Set(one, secret+strings.Repeat("x", n))
		if err := one.Save(r.Context()); err != nil {
			s.Error(err)
		}
		id = one.ID()
	}))
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "https://shop.example/", nil)
	r.Header.Set("User-Agent", "Firefox")
	h.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		s.tokens = append(s.tokens, c.Value)
	}
	return id
}

// result is what a run of the command has said.
type result struct {
	code     int
	out, err string
}

// runs runs the command. No token and no value may be in its output, and an error is one line.
func (s *shop) runs(args ...string) result { s.Helper(); return s.runsWith("", args...) }

func (s *shop) runsWith(stdin string, args ...string) result {
	s.Helper()
	var out, err bytes.Buffer
	// The command changes COATCHECK_STORE.
	store := os.Getenv("COATCHECK_STORE")
	code := run(s.Context(), args, strings.NewReader(stdin), &out, &err)
	os.Setenv("COATCHECK_STORE", store)
	got := result{code, out.String(), err.String()}
	for _, token := range s.tokens {
		if strings.Contains(got.out+got.err, token) {
			s.Errorf("%q shows a token", args)
		}
	}
	if strings.Contains(got.out+got.err, secret) && !strings.Contains(strings.Join(args, " "), "--values") {
		s.Errorf("%q shows a value: %s", args, got.out)
	}
	if strings.Contains(got.out+got.err, "hush") {
		s.Errorf("%q shows a password: %s", args, got.err)
	}
	return got
}

// wants checks the exit code and words of the output.
func (s *shop) wants(r result, code int, words ...string) {
	s.Helper()
	if r.code != code {
		s.Errorf("exit code %d, want %d: %s%s", r.code, code, r.out, r.err)
	}
	for _, word := range words {
		if !strings.Contains(r.out+r.err, word) {
			s.Errorf("no %q in %s%s", word, r.out, r.err)
		}
	}
	if code != exitDone && code != exitProblems && strings.Count(r.err, "\n") != 1 {
		s.Errorf("an error is one line: %q", r.err)
	}
}

// alive checks how many sessions there are.
func (s *shop) alive(want int) {
	s.Helper()
	n := 0
	for _, err := range s.m.All(s.Context()) {
		if err != nil {
			s.Fatal(err)
		}
		n++
	}
	if n != want {
		s.Errorf("%d sessions are alive, want %d", n, want)
	}
}

// stores have a URL for each store that can list.
func stores(t *testing.T) map[string]func(*testing.T) string {
	t.Helper()
	return map[string]func(*testing.T) string{
		"file":   func(t *testing.T) string { return "file:" + filepath.Join(t.TempDir(), "s") },
		"sqlite": func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "s.db") },
		"redis":  func(t *testing.T) string { return "redis://" + startserver.Redis(t).Addr },
		"postgres": func(t *testing.T) string {
			s := startserver.Postgres(t)
			return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", s.User, s.Addr, s.Database)
		},
		"mysql": func(t *testing.T) string {
			s := startserver.MariaDB(t)
			return fmt.Sprintf("mysql://%s@%s/%s", s.User, s.Addr, s.Database)
		},
	}
}

// told are names of what doctor tells about each storage.
var told = map[string]string{"file": "free inodes", "sqlite": "journal_mode", "redis": "maxmemory-policy", "postgres": "indexes", "mysql": "clock"}

// An operator's night: who is there, one session, a user, everybody.
func TestOperator(t *testing.T) {
	for name, url := range stores(t) {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, url(t))
			s.wants(s.runs("list"), exitDone, "no such sessions in the namespace \"shop\"")
			first := s.signsIn("alice", 0)
			second := s.signsIn("alice", 20_000)
			s.signsIn("bob\x1b[31m", 10)
			visitor := s.signsIn("", 5)

			s.wants(s.runs("list"), exitDone, first.String(), visitor.String(), `"bob\x1b[31m"`, "Firefox")
			s.wants(s.runs("list", "--user", "nobody"), exitNotFound, "has no live sessions")
			s.wants(s.runs("list", "--older", "1d"), exitDone, "no such sessions")
			lines := strings.Split(strings.TrimSpace(s.runs("list", "--json", "--user", "alice").out), "\n")
			var one session
			if err := json.Unmarshal([]byte(lines[0]), &one); err != nil || len(lines) != 2 || one.User != "alice" || one.Keys == 0 || one.KeyBytes["cart"] == 0 || one.Device.Method != "password" {
				t.Errorf("%q: %+v, %v", lines, one, err)
			}
			if n := strings.Count(s.runs("list", "--limit", "3", "--json").out, "\n"); n != 3 {
				t.Errorf("--limit 3 gave %d", n)
			}
			s.wants(s.runs("show", first.String()), exitDone, "alice", "by password", "key cart")
			s.wants(s.runs("show", first.String()[:12]), exitDone, first.String())
			s.wants(s.runs("show", "--values", first.String()), exitDone, secret)
			s.wants(s.runs("show", strings.Repeat("0", 64)), exitNotFound)
			s.wants(s.runs("show", "0123456789ab"), exitNotFound, "begins with 0123456789ab")
			s.wants(s.runs("show", "../etc"), exitUsage, "64 hexadecimal digits")
			s.wants(s.runs("stats"), exitDone, "live sessions              4", "signed in                  3", "anonymous                  1")
			s.wants(s.runs("stats", "--json"), exitDone, `"sessions":4`, `"largest_bytes":20`)
			s.wants(s.runs("top", "-n", "2"), exitDone, second.String(), "cart")
			s.wants(s.runs("verify"), exitDone, "4 sessions can be read, 0 cannot be read here, 0 are damaged")
			s.wants(s.runs("doctor"), exitDone, "COATCHECK_NAMESPACE", "create", "delete", "warning: Keys is not set", told[name])
			s.wants(s.runs("doctor", "--json"), exitDone, `"storage":[{"name":"`, `"value":"`)
			s.wants(s.runs("sweep"), exitDone)

			s.wants(s.runs("revoke", "--dry-run", first.String()), exitDone, "would end 1 session")
			s.alive(4)
			s.wants(s.runsWith(visitor.String()+"\n\n", "revoke", "-"), exitDone, "ended 1 session")
			s.alive(3)
			s.wants(s.runs("revoke", visitor.String()), exitNotFound)
			s.wants(s.runs("revoke-user", "--dry-run", "alice"), exitDone, "would end 2 sessions")
			s.wants(s.runs("revoke-user", "alice", "--except", first.String()), exitDone, "ended 1 session")
			s.wants(s.runs("revoke-user", "nobody"), exitNotFound, "no such sessions")
			s.wants(s.runs("revoke-all", "--before", "2020-01-01", "--dry-run"), exitDone, "would end 0 sessions")
			s.wants(s.runs("revoke-all", "--before", "now", "--json"), exitDone, `{"ended":2}`)
			s.alive(0)
		})
	}
}

// A store that cannot list ends what it can, and says what it cannot do.
func TestStoresThatCannotList(t *testing.T) {
	t.Setenv("SESSION_KEYS", keyring.Generate("k1").Reveal())
	memcached := startserver.Memcached(t)
	for _, url := range []string{"memcache://" + memcached.Addr, "cookie:?keys=env:SESSION_KEYS&revocations=file:" + filepath.Join(t.TempDir(), "s")} {
		s := newShop(t, url)
		id := s.signsIn("alice", 0)
		for _, args := range [][]string{{"list"}, {"stats"}, {"top"}, {"verify"}, {"revoke-all", "--before", "now"}, {"show", "01234567"}} {
			s.wants(s.runs(args...), exitUnsupported, "cannot", "keep no list")
		}
		s.wants(s.runs("revoke", id.String()), exitDone, "ended 1")
		s.signsIn("alice", 0)
		s.wants(s.runs("revoke-user", "alice"), exitDone, "ended")
		s.wants(s.runs("doctor"), exitDone)
	}
}

// A setting that throws out sessions is a warning, and no failure.
func TestDoctorWarns(t *testing.T) {
	server := startserver.Redis(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	s := newShop(t, "redis://"+server.Addr)
	s.wants(s.runs("doctor"), exitDone, "warning: "+server.Addr+": maxmemory-policy: ", "set maxmemory-policy to noeviction")
	s.wants(s.runs("doctor", "--json"), exitDone, `"value":"allkeys-lru","warning":"a full Redis`)
}

// What is wrong is said in one line, with what to do, and with the exit code of the table.
func TestWrongCalls(t *testing.T) {
	s := newShop(t, "memory:")
	s.wants(s.runs("lst"), exitUsage, "list")
	s.wants(s.runs("help", "lst"), exitUsage, "did you mean list?")
	s.wants(s.runs("help", "list"), exitDone, "--older")
	s.wants(s.runs("list", "--older", "3x"), exitUsage, "12h or 30d")
	s.wants(s.runs("list", "--older", "-1h"), exitUsage, "12h or 30d")
	s.wants(s.runs("list", "--limt", "3"), exitUsage, "unknown flag")
	s.wants(s.runs("list", "--limit", "-3"), exitUsage)
	s.wants(s.runs("list", "x"), exitUsage)
	s.wants(s.runs("keys", "resael"), exitUsage, "keys new, check and reseal")
	if r := s.runs("list", "--\x1b[31m"); strings.Contains(r.err, "\x1b") {
		t.Errorf("%q", r.err)
	}
	s.wants(s.runs("list", "--user", ""), exitUsage, "--user is empty")
	s.wants(s.runs("show"), exitUsage)
	s.wants(s.runs("top", "-n", "0"), exitUsage)
	s.wants(s.runs("keys", "new", ""), exitUsage)
	for _, before := range []string{"", "yesterday", "2026-13-01"} {
		s.wants(s.runs("revoke-all", "--before", before), exitUsage, "--before is now, a date")
	}
	dead := startserver.DeadAddr(t)
	for url, c := range map[string]struct {
		code int
		want string
	}{
		"":                                 {exitUsage, "COATCHECK_STORE is not set"},
		"paper:":                           {exitFailed, "no scheme"},
		"file:/no/such/folder":             {exitFailed, "no folder of sessions"},
		"file:" + t.TempDir():              {exitFailed, "no folder of sessions"},
		"sqlite:/no/such/file.db":          {exitFailed, "no database"},
		"redis://:hush@" + dead:            {exitUnavailable, "does the server run"},
		"postgres://u:hush@" + dead + "/n": {exitUnavailable, "does the server run"},
		"mysql://u:hush@" + dead + "/n":    {exitUnavailable, "does the server run"},
		"memcache://" + dead:               {exitUnavailable, "does the server run"},
	} {
		t.Setenv("COATCHECK_STORE", url)
		s.wants(s.runs("list"), c.code, c.want)
		if c.code == exitUnavailable && !strings.HasPrefix(url, "memcache:") { // that store asks no server before it is used
			s.wants(s.runs("doctor"), c.code, "which does not answer", "IdleTimeout", "does the server run")
		}
		if url != "" {
			t.Setenv("COATCHECK_STORE", "")
			s.wants(s.runs("list", "--store", url), c.code, c.want)
		}
	}
	if r := s.runs("doctor", "--store", "redis://"+dead); strings.Contains(r.out+r.err, "create=false") {
		t.Errorf("the output has an option that nobody gave: %q %q", r.out, r.err)
	}
	t.Setenv("COATCHECK_STORE", " ")
	t.Setenv("SESSION_ENGINE", "django.contrib.sessions.backends.file")
	t.Setenv("SESSION_FILE_PATH", "/var/sessions")
	s.wants(s.runs("list"), exitFailed, "set COATCHECK_STORE=file:/var/sessions")
	t.Setenv("COATCHECK_STORE", "memory:")
	s.wants(s.runs("doctor"), exitDone, "warning: SESSION_ENGINE is not read", "warning: SESSION_FILE_PATH is not read")
	for _, token := range []string{"hush-hush", "hush\x1b[31m"} { // somebody types the cookie
		s.wants(s.runs("revoke", token), exitUsage, "at ID number 1: that is no ID")
		s.wants(s.runsWith(token, "revoke", "-"), exitUsage)
		s.wants(s.runs("show", token), exitUsage)
	}
	t.Setenv("COATCHECK_IDLE_TIMEOT", "1h")
	s.wants(s.runs("list"), exitFailed, "did you mean COATCHECK_IDLE_TIMEOUT?")
}

// Records of another key are found, and hide nothing.
func TestVerify(t *testing.T) {
	url := "file:" + filepath.Join(t.TempDir(), "s")
	t.Setenv("COATCHECK_KEYS", keyring.Generate("old").Reveal())
	sealed := newShop(t, url).signsIn("alice", 0)
	t.Setenv("COATCHECK_KEYS", keyring.Generate("new").Reveal())
	s := newShop(t, url)
	bob := s.signsIn("bob", 0)
	s.wants(s.runs("verify"), exitProblems, "1 sessions can be read, 1 cannot be read here, 0 are damaged", sealed.String(), "unreadable")
	s.wants(s.runs("list"), exitProblems, "bob", "cannot be read")
	s.wants(s.runs("stats"), exitProblems, "signed in                  1", "cannot be read")
	s.wants(s.runs("revoke-user", "--dry-run", "alice"), exitProblems, "would end 0 sessions", "cannot be read")
	s.wants(s.runs("revoke-all", "--dry-run", "--before", "now"), exitProblems, "would end 1 session", "cannot be read")
	s.wants(s.runs("keys", "reseal"), exitProblems, "sealed 0 of 1 sessions anew", "cannot be read")
	s.wants(s.runs("show", bob.String()[:16]), exitDone, "bob") // the other one is in nobody's way
	s.wants(s.runs("show", sealed.String()[:16]), exitProblems, "newer release, or with another codec or key")
	s.wants(s.runs("keys", "check"), exitDone, "new")
	s.wants(s.runs("revoke", sealed.String()), exitDone, "ended 1")
	s.wants(s.runs("verify"), exitDone, "1 sessions can be read, 0 cannot")
}

func TestKeysReseal(t *testing.T) {
	url := "file:" + filepath.Join(t.TempDir(), "s")
	first, second := keyring.Generate("k1").Reveal(), keyring.Generate("k2").Reveal()
	s := newShop(t, url)
	s.signsIn("alice", 0)
	s.wants(s.runs("keys", "reseal"), exitUsage, "COATCHECK_KEYS is not set")
	s.wants(s.runs("revoke-all", "--before", "now"), exitDone)
	t.Setenv("COATCHECK_KEYS", first)
	s = newShop(t, url)
	s.signsIn("alice", 0)
	s.signsIn("bob", 0)
	t.Setenv("COATCHECK_KEYS", second+","+first)
	s.wants(s.runs("keys", "reseal"), exitDone, "sealed 2 of 2 sessions anew")
	s.wants(s.runs("keys", "reseal", "--json"), exitDone, `"resealed":0`)
	t.Setenv("COATCHECK_KEYS", second)
	s.wants(s.runs("verify"), exitDone, "2 sessions can be read")
}

// What ends or seals everything says so if it has found nothing: the namespace may be wrong.
func TestNothingThere(t *testing.T) {
	url := "file:" + filepath.Join(t.TempDir(), "s")
	t.Setenv("COATCHECK_KEYS", keyring.Generate("k1").Reveal())
	s := newShop(t, url)
	s.signsIn("alice", 0)
	t.Setenv("COATCHECK_NAMESPACE", "other")
	for _, args := range [][]string{{"list"}, {"keys", "reseal"}, {"revoke-all", "--before", "now", "--dry-run"}, {"revoke-all", "--before", "now", "--json"}} {
		s.wants(s.runs(args...), exitDone, `no such sessions in the namespace "other" (COATCHECK_NAMESPACE`)
	}
	s.wants(s.runs("top", "--json"), exitDone, `{"keys":[],"sessions":[]}`)
	s.alive(1)
}

// No command makes a store, whatever the URL says.
func TestNothingIsMade(t *testing.T) {
	dir := t.TempDir()
	s := newShop(t, "memory:")
	for _, url := range []string{"file:DIR/s?create=true", "file:DIR/create=/s", "sqlite:DIR/s.db?create=true&table=a", "sqlite:DIR/create=.db"} {
		t.Setenv("COATCHECK_STORE", strings.ReplaceAll(url, "DIR", dir))
		if r := s.runs("list"); r.code != exitFailed {
			t.Errorf("%s: %+v", url, r)
		}
	}
	if made, err := os.ReadDir(dir); len(made) > 0 || err != nil {
		t.Error(made, err)
	}
}

// An index that has lost a session is found, and mended with --fix only.
func TestVerifyFix(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := newShop(t, "file:"+dir)
	id := s.signsIn("alice", 0)
	entries, err := filepath.Glob(filepath.Join(dir, "subject", "*", "*"))
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	if err := os.Remove(entries[0]); err != nil {
		t.Fatal(err)
	}
	s.wants(s.runs("revoke-user", "alice"), exitNotFound)
	for range 2 { // the first one changes nothing
		s.wants(s.runs("verify"), exitProblems, "1 sessions can be read", "at 1 places", "--fix", id.String(), "not fixed", "the index by subject lacks it")
	}
	s.wants(s.runs("verify", "--json", "--fix"), exitDone, `"problems":1,"fixed":1,"index":[{"id":"`+id.String(), `"fixed":true`)
	s.wants(s.runs("verify", "--fix"), exitDone, "1 sessions can be read")
	s.wants(s.runs("revoke-user", "alice"), exitDone, "ended 1 session")
}

func TestKeysNew(t *testing.T) {
	s := newShop(t, "memory:")
	out := s.runs("keys", "new", "k2").out
	if _, err := keyring.Parse(out); err != nil || !strings.HasPrefix(out, "k2:") {
		t.Error(err)
	}
	t.Setenv("COATCHECK_KEYS", "k2:hush")
	s.wants(s.runs("keys", "check"), exitFailed, "COATCHECK_KEYS")
	t.Setenv("COATCHECK_KEYS", "env:NOT_THERE")
	s.wants(s.runs("keys", "check"), exitFailed, "the environment variable NOT_THERE is empty")
	s.wants(s.runs("keys", "new", "env"), exitUsage, "another ID")
	s.wants(s.runs("keys", "new", "file"), exitUsage, "another ID")
	t.Setenv("COATCHECK_KEYS", "")
	s.wants(s.runs("keys", "check"), exitUsage, "not set")
}

// Sessions move from store to store, and nobody is signed out.
func TestMove(t *testing.T) {
	all := stores(t)
	urls := []string{all["file"](t), all["redis"](t), all["postgres"](t), all["sqlite"](t)}
	s := newShop(t, urls[0])
	var last core.ID
	for i := range 40 {
		last = s.signsIn(fmt.Sprint("user", i), 100)
	}
	for i, url := range urls[1:] {
		with := "?"
		if strings.Contains(url, "?") {
			with = "&"
		}
		t.Setenv("COATCHECK_STORE", url)
		s.wants(s.runs("move"), exitUsage, "no from=")
		s.wants(s.runs("move", "--dry-run"), exitUsage, "no from=")
		t.Setenv("COATCHECK_STORE", url+with+"from="+neturl.QueryEscape(url))
		s.wants(s.runs("move"), exitFailed) // the same place, or a place that is not there yet
		t.Setenv("COATCHECK_STORE", url+with+"from="+neturl.QueryEscape(urls[i]))
		s.wants(s.runs("move", "--dry-run"), exitDone, "would move 40 sessions")
		s.wants(s.runs("move", "--verify"), exitDone, "moved 40 sessions; 0 had ended or were moved meanwhile; 0 stay")
		s.wants(s.runs("move", "--json"), exitDone, `"moved":0`)
		s.wants(s.runs("stats"), exitDone, "live sessions              40")
		t.Setenv("COATCHECK_STORE", url)
		s.wants(s.runs("show", last.String()), exitDone, "user39")
		t.Setenv("COATCHECK_STORE", urls[i])
		s.wants(s.runs("list"), exitDone, "no such sessions")
	}
	s.wants(s.runs("move", "--parallel", "0"), exitUsage)
	memcached := startserver.Memcached(t)
	t.Setenv("COATCHECK_STORE", urls[1]+"?from=memcache://"+memcached.Addr)
	s.wants(s.runs("move"), exitUnsupported, "cannot list")
	t.Setenv("COATCHECK_STORE", urls[1]+"?from=file:/no/such/folder")
	s.wants(s.runs("move"), exitFailed, "option from")
}

// Ctrl-C ends with 130, and says how far it was.
func TestInterrupted(t *testing.T) {
	s := newShop(t, "file:"+filepath.Join(t.TempDir(), "s"))
	for range 30 {
		s.signsIn("alice", 0)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, err bytes.Buffer
	stop := &after{n: 3, do: cancel, w: &out}
	code := run(ctx, []string{"list", "--json"}, strings.NewReader(""), stop, &err)
	if code != exitInterrupted || !strings.HasPrefix(err.String(), "coatcheck: interrupted after ") {
		t.Errorf("%d, %q", code, err.String())
	}
}

// after is a writer that does something at the nth write.
type after struct {
	n  int
	do func()
	w  *bytes.Buffer
}

func (a *after) Write(b []byte) (int, error) {
	if a.n--; a.n == 0 {
		a.do()
	}
	return a.w.Write(b)
}

func TestTexts(t *testing.T) {
	now := time.Now()
	for got, want := range map[string]string{
		ago(now.Add(-49*time.Hour), now): "2d ago", ago(now.Add(3*time.Hour), now): "in 3h", ago(now.Add(-5*time.Minute), now): "5m ago",
		ago(time.Time{}, now): "-", ago(now, now): "now", size(1000): "1000 B", size(20 << 10): "20 KiB", size(20 << 20): "20 MiB", size(20 << 30): "20 GiB",
		plainValue([]byte("\"a\x1b[31m\n\u009b\u202e\U000e0001é\"")): `"a [31m \u009b\u202e\udb40\udc01é"`,
		plain("a\nb"): `"a\nb"`, plain(strings.Repeat("é", 100)): strings.Repeat("é", 59) + "…",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
