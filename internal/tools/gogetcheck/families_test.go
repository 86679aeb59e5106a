package main

import "testing"

func TestUninvited(t *testing.T) {
	const root = "example.org/coat"
	gin := module{Path: root + "/ginsession", root: root}
	echov5 := module{Path: root + "/echov5session", root: root}
	fiber := module{Path: root + "/fiberv3session", root: root}
	bare := module{Path: root, root: root}
	cases := []struct {
		about string
		m     module
		text  string
		want  int
	}{
		{"its own framework", gin, "require github.com/gin-gonic/gin v1.12.0", 0},
		{"what its framework brings", gin, "golang.org/x/net v0.51.0 h1:a/b.c=", 0},
		{"another framework", gin, "github.com/labstack/echo/v4 v4.16.0", 1},
		{"its own major", echov5, "github.com/labstack/echo/v5 v5.4.5", 0},
		{"another major", echov5, "github.com/labstack/echo/v4 v4.16.0\ngithub.com/labstack/gommon v0.5.0", 2},
		{"its own version", fiber, "github.com/gofiber/fiber/v3 v3.5.0\ngithub.com/gofiber/utils/v2 v2.4.1\ngithub.com/valyala/fasthttp v1.73.0", 0},
		{"another version", fiber, "github.com/gofiber/fiber/v2 v2.52.15", 1},
		{"a go.mod line of go.sum counts", gin, "gorm.io/gorm v1.0.0/go.mod h1:a=", 1},
		{"the same one twice is one", gin, "gorm.io/gorm\ngorm.io/gorm", 1},
		{"the root alone", bare, "example.org/coat v0.1.0 h1:a/b=\nexample.org/coat v0.1.0/go.mod h1:a=\nexample.org/coat/core\nexample.com/user", 0},
		{"anything beside the root", bare, "golang.org/x/net v0.51.0", 1},
	}
	for _, c := range cases {
		own, err := ownFamilies(c.m.Name())
		if err != nil {
			t.Fatal(err)
		}
		if got := (view{"go.sum", c.text}).uninvited(c.m, own); len(got) != c.want {
			t.Errorf("%s: got %v, want %d findings", c.about, got, c.want)
		}
	}
}

func TestNewModuleMustBeDecided(t *testing.T) {
	if _, err := ownFamilies("stores/newstore"); err == nil {
		t.Error("a module that families.go does not name was accepted")
	}
}
