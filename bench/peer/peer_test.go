package peer

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

// client is a browser with one cookie.
type client struct {
	t      *testing.T
	r      *Running
	cookie string
}

func (c *client) get(path, want string) {
	c.t.Helper()
	call := c.r.Caller(path, c.cookie)
	call.Call()
	if call.Status() != 200 || call.Body() != want {
		c.t.Errorf("GET %s = %d %q, want 200 %q", path, call.Status(), call.Body(), want)
	}
	c.cookie = call.Cookie(c.cookie)
}

func TestApps(t *testing.T) {
	for _, app := range All {
		t.Run(app.Library+"/"+app.Framework+"/"+app.Store, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			r, err := app.New(Env{Dir: dir})
			if err != nil {
				t.Skipf("%v: package servers starts it", err)
			}
			defer r.Close()
			c := &client{t: t, r: r}
			c.get(Untouched, "hello")
			c.get(Stream, "12")
			if app.Library == "" || app.Library == "raw" {
				return
			}
			if c.cookie == "" {
				t.Error("no cookie on the stream")
			}
			everyRoute(t, r)
		})
	}
}

func everyRoute(t *testing.T, r *Running) {
	c := &client{t: t, r: r}
	c.get(Read, "0")
	c.get(New, "1")
	if c.cookie == "" {
		t.Fatal("no cookie for a new session")
	}
	c.get(Read, "1")

	c = &client{t: t, r: r}
	c.get(Fill, "filled")
	filled := c.cookie
	c.get(Untouched, "hello")
	c.get(Read, "1")
	c.get(Write, "2")
	c.get(Write, "3")
	c.get(Slow, "4")
	c.get(SlowRead, "4")
	c.get(Keys, "0")
	for i := range 3 {
		c.get(fmt.Sprint(Set, "?key=k", i), "1")
	}
	c.get(Set+"?key=k1", "2")
	c.get(Keys, "3")
	if c.cookie == "" || filled == "" {
		t.Fatal("no cookie")
	}
	c.get(Logout, "bye")
	c.get(Read, "0")
}

func TestValues(t *testing.T) {
	m := map[string]any{}
	for _, v := range Values {
		m[v.Key] = v.Value
	}
	data, err := json.Marshal(m)
	if err != nil || len(data) != 261 || len(m) != 5 {
		t.Errorf("%d values of %d bytes, %v; want 5 of 261", len(m), len(data), err)
	}
}
