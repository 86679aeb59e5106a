package examples_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
)

// bare are applications of each framework with a template and without sessions: what the shops are compared with. Where
// the shop has a WebSocket, they have one, too: that library is no part of coatcheck. All have furniture, as the shops do.
var bare = map[string]string{
	"nethttp": `import ("net/http"; "github.com/coder/websocket")
		func main() { http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { page.Execute(w, 1) }); http.HandleFunc("/ws", socket); http.ListenAndServe(":8080", nil) }
		func socket(w http.ResponseWriter, r *http.Request) { if c, err := websocket.Accept(w, r, nil); err == nil { c.Write(c.CloseRead(r.Context()), websocket.MessageText, nil); c.Close(1000, "") } }`,
	"chi": `import ("net/http"; "github.com/coder/websocket"; "github.com/go-chi/chi/v5"; "github.com/go-chi/chi/v5/middleware")
		func socket(w http.ResponseWriter, r *http.Request) { if c, err := websocket.Accept(w, r, nil); err == nil { c.Write(c.CloseRead(r.Context()), websocket.MessageText, nil); c.Close(1000, "") } }
		func main() { r := chi.NewRouter(); r.Use(middleware.Recoverer); r.Get("/", func(w http.ResponseWriter, r *http.Request) { page.Execute(w, 1) }); r.Get("/ws", socket); http.ListenAndServe(":8080", r) }`,
	"gin": `import "github.com/gin-gonic/gin"
		func main() { r := gin.Default(); r.SetHTMLTemplate(page); r.GET("/", func(c *gin.Context) { c.HTML(200, "page", 1) }); r.Run() }`,
	"echo": `import "github.com/labstack/echo/v4"
		func main() { e := echo.New(); e.Renderer = &echo.TemplateRenderer{Template: page}; e.GET("/", func(c echo.Context) error { return c.Render(200, "page", 1) }); e.Start(":8080") }`,
	"echov5": `import "github.com/labstack/echo/v5"
		func main() { e := echo.New(); e.Renderer = &echo.TemplateRenderer{Template: page}; e.GET("/", func(c *echo.Context) error { return c.Render(200, "page", 1) }); e.Start(":8080") }`,
	"fiber": `import ("github.com/gofiber/fiber/v2"; "github.com/gofiber/fiber/v2/middleware/recover")
		func main() { app := fiber.New(); app.Use(recover.New()); app.Get("/", func(c *fiber.Ctx) error { return page.Execute(c, 1) }); app.Listen(":8080") }`,
	"fiberv3": `import ("github.com/gofiber/fiber/v3"; "github.com/gofiber/fiber/v3/middleware/recover")
		func main() { app := fiber.New(); app.Use(recover.New()); app.Get("/", func(c fiber.Ctx) error { return page.Execute(c, 1) }); app.Listen(":8080") }`,
}

// furniture is what a shop has with and without sessions: names of browsers, a flag, a log, and an end by a signal.
const furniture = `
	import ("flag"; "html/template"; "log/slog"; "os"; "os/signal"; "github.com/mileusna/useragent")
	var page = template.Must(template.New("page").Parse("<p>{{.}}"))
	func init() { agent := flag.String("agent", "", ""); flag.Parse(); slog.Info("begin", "browser", useragent.Parse(*agent).Name); go end() }
	func end() { c := make(chan os.Signal, 1); signal.Notify(c, os.Interrupt); slog.Info("end", "signal", <-c); os.Exit(0) }
`

// What a shop may be more than a bare application of its framework. The packages are coatcheck's own and some of the
// standard library; the bytes are theirs, and those of the templates. The stores in the shop may be written on without
// a new number here, but half a megabyte more is a dependency that somebody brought in.
const (
	morePackages = 20
	moreBytes    = 1.25 // times, for 9 MB; measured: 1.08 (Fiber v3) to 1.20 (net/http), 16 packages
)

// TestShopsStaySmall: sessions bring no heavy dependency into an application.
func TestShopsStaySmall(t *testing.T) {
	rounds.OnlyFull(t, "internal/test/repocheck keeps the imports of our packages few")
	for _, app := range apps {
		t.Run(app, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			source := filepath.Join(dir, "main.go")
			imports, code, _ := strings.Cut(bare[app], "\n")
			text := "package main\n" + imports + furniture + code + "\n"
			if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			program := filepath.Join(dir, "bare")
			run(t, app, "build", noDebug, "-o", program, source)
			with, without := packages(run(t, app, "list", "-deps", ".")), packages(run(t, app, "list", "-deps", source))
			var more []string
			for name := range with {
				if !without[name] {
					more = append(more, name)
				}
			}
			shop, bare := size(t, filepath.Join(programs, app)), size(t, program)
			t.Logf("%d packages more than %d, %.3f of %d bytes", len(more), len(without), shop/bare, int(bare))
			if len(more) > morePackages {
				t.Errorf("the shop has %d packages more than a bare application, at most %d: %s", len(more), morePackages, strings.Join(more, " "))
			}
			if shop > moreBytes*bare {
				t.Errorf("the shop's program is %.2f times as large as a bare one, at most %.2f", shop/bare, moreBytes)
			}
		})
	}
}

// run is a go command in the folder of an example.
func run(t *testing.T, app string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = app
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

func packages(list string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(list) {
		if name != "command-line-arguments" && !strings.HasPrefix(name, "github.com/coatcheck-go/coatcheck/examples") {
			set[name] = true
		}
	}
	return set
}

func size(t *testing.T, program string) float64 {
	t.Helper()
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(fmt.Errorf("size: %w", err))
	}
	return float64(info.Size())
}
