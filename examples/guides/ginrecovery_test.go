package guides_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// ginRecoveryOwn makes an engine that logs a panic without the request's header.
func ginRecoveryOwn() *gin.Engine {
	r := gin.New()
	r.Use(gin.Logger(), gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, p any) {
		slog.ErrorContext(c.Request.Context(), "panic", "value", p, "stack", string(debug.Stack()))
		c.AbortWithStatus(http.StatusInternalServerError)
	}))
	return r
}

// What Gin's Recovery writes into the log: with the mode debug the cookie at each panic, with release at a panic that
// stands for a broken connection. One of your own never does. If Gin's no longer does, the guides may say less.
func TestGinRecoveryAndTheCookie(t *testing.T) {
	var out bytes.Buffer
	before, mode, logger := gin.DefaultWriter, gin.Mode(), slog.Default()
	gin.DefaultWriter = &out
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	defer func() {
		gin.DefaultWriter = before
		slog.SetDefault(logger)
		gin.SetMode(mode)
	}()
	theirs := func() *gin.Engine {
		r := gin.New()
		r.Use(gin.RecoveryWithWriter(&out)) // gin.Recovery, which gin.Default has, with another writer
		return r
	}
	for _, c := range []struct {
		mode  string
		app   func() *gin.Engine
		panic any
		shown bool
	}{
		{gin.DebugMode, theirs, "boom", true},
		{gin.ReleaseMode, theirs, "boom", false},
		{gin.ReleaseMode, theirs, http.ErrAbortHandler, true},
		{gin.DebugMode, ginRecoveryOwn, "boom", false},
		{gin.DebugMode, ginRecoveryOwn, http.ErrAbortHandler, false},
	} {
		gin.SetMode(c.mode)
		app := c.app()
		app.GET("/", func(*gin.Context) { panic(c.panic) })
		out.Reset()
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "__Host-session=SECRET")
		app.ServeHTTP(w, r)
		if log := out.String(); strings.Contains(log, "SECRET") != c.shown {
			t.Errorf("%s, %v: the log is %q", c.mode, c.panic, log)
		}
		if own := c.panic == "boom" && !strings.Contains(out.String(), "boom"); own || c.panic == "boom" && w.Code != 500 {
			t.Errorf("%s, %v: %d, and the log is %q", c.mode, c.panic, w.Code, out.String())
		}
	}
}
