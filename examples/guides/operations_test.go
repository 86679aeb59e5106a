package guides_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/labstack/echo/v5"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

// The readiness probe in each framework.
func Example_operationsReady() {
	m := memory(core.Config{})
	defer m.Close()
	gin.SetMode(gin.ReleaseMode)
	mux, r, e, app := http.NewServeMux(), gin.New(), echo.New(), fiber.New()

	mux.Handle("/readyz", httpsession.Ready(m))                   // net/http and chi
	r.GET("/readyz", gin.WrapH(httpsession.Ready(m)))             // Gin
	e.GET("/readyz", echo.WrapHandler(httpsession.Ready(m)))      // Echo
	app.Get("/readyz", adaptor.HTTPHandler(httpsession.Ready(m))) // Fiber

	for _, h := range []http.Handler{mux, r, e} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		fmt.Print(w.Code, " ", w.Body)
	}
	res, err := app.Test(httptest.NewRequest("GET", "/readyz", nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(res.Body)
	fmt.Print(res.StatusCode, " ", string(body))
	// Output:
	// 200 ready
	// 200 ready
	// 200 ready
	// 200 ready
}

// operationsEndAll ends all sessions that began before now. Run it in the application's environment, which has its store
// and its namespace.
func operationsEndAll(ctx context.Context) (ended int, err error) {
	cfg, err := core.ConfigFromEnv(ctx)
	if err != nil {
		return 0, err
	}
	m, err := core.New(cfg)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	return m.RevokeAll(ctx, time.Now())
}

// A backup was restored: a session that was signed out is back, until all are ended.
func Example_operationsRestoredBackup() {
	dir, err := os.MkdirTemp("", "sessions")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	live, restored := filepath.Join(dir, "live"), filepath.Join(dir, "restored")

	site, stop := operationsShop(live)
	alice, thief := site.browser(), site.browser()
	alice.post("/sign-in", "name=alice")
	at, _ := url.Parse(site.URL)
	thief.client.Jar.SetCookies(at, alice.client.Jar.Cookies(at))
	backup := errors.Join(os.CopyFS(restored, os.DirFS(live)), os.Chmod(restored, 0o700)) // cp -a
	fmt.Println(backup, alice.post("/sign-out", ""), thief.get("/"))
	stop()

	site, stop = operationsShop(restored)
	thief.site = site
	fmt.Println("restored:", thief.get("/"))
	stop()

	_ = os.Setenv("COATCHECK_STORE", "file:"+restored)
	defer os.Unsetenv("COATCHECK_STORE")
	fmt.Println(operationsEndAll(context.Background()))
	site, stop = operationsShop(restored)
	defer stop()
	thief.site = site
	fmt.Println("afterwards:", thief.get("/"))
	// Output:
	// <nil> 200 200 hello ""
	// restored: 200 hello "alice"
	// 1 <nil>
	// afterwards: 200 hello ""
}

func operationsShop(folder string) (at site, stop func()) {
	store, err := filestore.New(folder, filestore.Config{})
	if err != nil {
		panic(err)
	}
	m := memory(core.Config{Store: store})
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", httpsession.Handle(func(w http.ResponseWriter, _ *http.Request, s *core.Session) {
		_, _ = fmt.Fprintf(w, "hello %q", s.Subject())
	}))
	mux.Handle("POST /sign-in", httpsession.Handle(func(_ http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Login(r.PostFormValue("name"))
	}))
	mux.Handle("POST /sign-out", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) {
		_ = s.Logout()
	}))
	at = serve(httpsession.New(m)(mux))
	return at, func() { at.Close(); _ = m.Close() }
}
