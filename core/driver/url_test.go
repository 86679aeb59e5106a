package driver_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		text, shown, rest string
		hosts             []string
	}{
		{"memory:", "memory:", "", nil},
		{"file:./sessions", "file:./sessions", "./sessions", nil},
		{`file:C:\shop\sessions`, `file:C:\shop\sessions`, `C:\shop\sessions`, nil},
		{"memcache://a:11211,b:11211#2,[::1]:11211", "memcache://a:11211,b:11211#2,[::1]:11211", "//a:11211,b:11211#2,[::1]:11211", []string{"a:11211", "b:11211#2", "[::1]:11211"}},
		{"redis://:secret@host:6379/0", "redis://:xxxxx@host:6379/0", "//:secret@host:6379/0", []string{"host:6379"}},
		{"postgres://shop:s%40crt@host/shop?sslmode=disable&password=secret", "postgres://shop:xxxxx@host/shop?sslmode=disable&password=xxxxx", "//shop:s%40crt@host/shop", []string{"host"}},
		{"mysql://shop@host/shop", "mysql://shop@host/shop", "//shop@host/shop", []string{"host"}},
		{"postgres:///shop?host=/run/postgresql", "postgres:///shop?host=/run/postgresql", "///shop", nil},
		{"sqlite:a.db?cache=redis://:secret@host/1&x=y", "sqlite:a.db?cache=redis://:xxxxx@host/1&x=y", "a.db", nil},
		{"sqlite:a.db?cache=redis%3A%2F%2F%3Asecret%40host%2F1%3Fprefix%3Dx", "sqlite:a.db?cache=redis://:xxxxx@host/1?prefix=x", "a.db", nil},
		{"sqlite:a.db?cache=redis:x:secret@host&_auth_pass=secret", "sqlite:a.db?cache=redis:...&_auth_pass=xxxxx", "a.db", nil},
		{" file:./sessions\n", "file:./sessions", "./sessions", nil},
		{"file:./shop@home", "file:./shop@home", "./shop@home", nil},
		{"cookie:?keys=env:" + strings.Repeat("se", 21) + "Q=", "cookie:?keys=xxxxx", "", nil},
		{"cookie:?keys=env:KEYS", "cookie:?keys=env:KEYS", "", nil},
	} {
		u, err := driver.ParseURL(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if u.String() != c.shown || u.Rest != c.rest || strings.Join(u.Hosts(), " ") != strings.Join(c.hosts, " ") {
			t.Errorf("%s: %s, %q, %q", c.text, u, u.Rest, u.Hosts())
		}
	}
}

// What is no URL is refused without a word of it: it may be a password.
func TestWrongURLs(t *testing.T) {
	for text, want := range map[string]string{
		"secret":                                  "begins with a scheme and a colon",
		"":                                        "begins with a scheme and a colon",
		"Secret:x":                                "small letters",
		":secret":                                 "small letters",
		"redis://shop:se/cret@host/0":             "%2F for /",
		"redis://shop:12/secret@host/0":           "%2F for /",
		"redis://shop:secr?et@host/0":             "%3F for ?",
		"redis://shop:secret@local host/0":        "is not USER:PASSWORD@HOST:PORT",
		"redis:shop:secret@host/0":                "SCHEME://USER:PASSWORD@HOST",
		"redis:/:secret@host/0":                   "SCHEME://USER:PASSWORD@HOST",
		"redis:///shop:secret@host/0":             "SCHEME://USER:PASSWORD@HOST",
		"redis://host:secret/0":                   "is not USER:PASSWORD@HOST:PORT",
		"mysql://shop:secret@tcp(host:3306)/shop": "is not USER:PASSWORD@HOST:PORT",
		"file:x?a=secret%zz":                      "option a: a % begins an escape",
		"cookie:?keys=env:secretsecretsecretsecretsecretsecretsecretse": "cookie",
		"file:x?create=secret":           "option create is true or false",
		"file:x?create=&create=yes":      "twice; option create is true or false",
		"file:x?create=true&create=true": "twice",
	} {
		_, err := driver.Open(t.Context(), text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestURLParts(t *testing.T) {
	parse := func(text string) *driver.URL {
		u, err := driver.ParseURL(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	user, password, err := parse("x://al%40ice:p%2Fw%25d@host/the%20name").User()
	name, err2 := parse("x://al%40ice:p%2Fw%25d@host/the%20name").Name()
	if user != "al@ice" || password != "p/w%d" || name != "the name" || errors.Join(err, err2) != nil {
		t.Error(user, password, name, err, err2)
	}
	for text, want := range map[string]string{
		"file:./a%20b": "./a b", "file:/a": "/a", "file:///a": "/a", "file://localhost/a": "/a", "file:a%3Fb": "a?b",
	} {
		if path, err := parse(text).Path(); path != want || err != nil {
			t.Errorf("%s: %q, %v", text, path, err)
		}
	}
	for text, want := range map[string]string{
		"file://a/b": "names a host: write file:FOLDER/FILE", "file:a%": "write %25 for %", "file:a%zz": "write %25 for %",
		"bolt:": "names no file or folder: write bolt:FOLDER/FILE, or bolt:///FOLDER/FILE", "bolt://": "names no", "bolt://localhost": "names no",
	} {
		if path, err := parse(text).Path(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v", text, path, err)
		}
	}
	if _, _, err := parse("x://u%zz:p@host").User(); err == nil {
		t.Error("a wrong escape in the user was accepted")
	}
}

func TestURLOptions(t *testing.T) {
	t.Setenv("URL_SECRET", " hush\n")
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("quiet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var text string
	var yes bool
	var n int
	var big int64
	var d time.Duration
	u, err := driver.ParseURL("x:?text=a%26b&yes=true&n=-3&big=5000000000&d=1m30s&s=env:URL_SECRET&f=file:" + file + "&sslmode=require&tls=a%20b&pw=a#b;c=d&create=false")
	if err != nil {
		t.Fatal(err)
	}
	u.Option("text", &text)
	u.Option("yes", &yes)
	u.Option("n", &n)
	u.Option("big", &big)
	u.Option("d", &d)
	u.Option("absent", &n)
	got := fmt.Sprint(text, yes, n, big, d, u.Create, u.Secret("s"), u.Secret("f"), u.Secret("none"))
	if want := fmt.Sprint("a&b", true, -3, int64(5000000000), 90*time.Second, false, "hush", "quiet", ""); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if some, all := u.Others("tls"), u.Others(); some != "tls=a%20b" || all != "sslmode=require&pw=a%23b%3Bc=d" {
		t.Errorf("%q, %q", some, all)
	}
	if err := u.Check(); err != nil {
		t.Error(err)
	}

	if _, err := driver.ReadSecret("env:" + strings.Repeat("hush", 11)); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("a key that is called env: %v", err)
	}
	u, _ = driver.ParseURL("x:?n=hush&d=5&yes=hush&s=hush&e=env:NOT_THERE&tme=1")
	u.Option("n", &n)
	u.Option("d", &d)
	u.Option("yes", &yes)
	u.Option("time", &d)
	u.Secret("s")
	u.Secret("e")
	err = u.Check()
	for _, want := range []string{"option n is a whole number", "option d is a time with its unit", "option yes is true or false",
		"option s: is no reference to a secret: write env:NAME", "option e: the environment variable NOT_THERE is empty", `no option "tme"; did you mean time?`} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "hush") {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

// plain is a store with nothing to it, which counts its closings.
type plain struct {
	driver.Store
	closed *int
}

func (plain) Info() driver.Info { return driver.Info{Name: "plain"} }
func (p plain) Close() error    { *p.closed++; return nil }

func TestOpen(t *testing.T) {
	closed := 0
	driver.Register("plain", func(_ context.Context, u *driver.URL) (driver.Backend, error) {
		if err := u.Check(); err != nil {
			return nil, err
		}
		if u.Rest == "//shop:hush%40@host" {
			return nil, driver.Unavailable("plain", errors.New("dial shop:hush@\nwith hush%40"))
		}
		return plain{closed: &closed}, nil
	})
	if _, err := driver.Open(t.Context(), "plain:"); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"plain:?pasword=hush":       "coatcheck: open the store plain:?pasword=xxxxx: there is no option \"pasword\"",
		"plain:?size=3":             "coatcheck: open the store plain:?size=xxxxx: there is no option \"size\"; there are cache, create, from",
		"plian:":                    `there is no scheme "plian"; did you mean plain?`,
		"redis://host/0":            `nothing is registered for the scheme redis: import _ "github.com/coatcheck-go/coatcheck/stores/redisstore"`,
		"postgres://u:hush@h/n":     "call gormstore.Register(postgres.Open), with gorm.io/driver/postgres",
		"plain:?cache=memory:":      "nothing is registered for the option cache: import _ ",
		"plain://shop:hush%40@host": "coatcheck: open the store plain://shop:xxxxx@host: plain: session store unavailable: dial shop:xxxxx with xxxxx",
	} {
		_, err := driver.Open(t.Context(), text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", text, err)
		}
		if strings.HasPrefix(text, "plain://") && !errors.Is(err, driver.ErrUnavailable) {
			t.Errorf("%s: %v is no outage", text, err)
		}
	}
	if closed != 0 {
		t.Error("closed", closed)
	}
	for _, wrong := range []func(){
		func() { driver.Register("plain", nil) },
		func() { driver.RegisterLayer("colour", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			wrong()
		}()
	}
}

// No text makes it panic, and the password of a URL is in nothing that it prints.
func FuzzURL(f *testing.F) {
	for _, text := range []string{"memory:", "redis://u:hush@h:1/0?a=b&cache=redis://u:hush@h", "file:///a%20b?create=false", "memcache://a:1,b:2#3", "x://[::1]:5/n?p=%26"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := driver.ParseURL(text)
		shown := driver.RedactURL(text)
		if err != nil {
			return
		}
		if shown != u.String() {
			t.Errorf("%q: %q, %q", text, shown, u)
		}
		if _, password, err := u.User(); err == nil && len(password) > 5 && !strings.Contains(password, "xxxxx") && strings.Contains(shown, ":"+password+"@") {
			t.Errorf("%q shows %q", shown, password)
		}
		_, _ = u.Name()
		_, _ = u.Path()
		_ = u.Check()
	})
}
