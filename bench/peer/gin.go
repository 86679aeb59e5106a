package peer

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

func init() { gin.SetMode(gin.ReleaseMode) }

var bareGin = App{Module: "github.com/gin-gonic/gin", Framework: "gin", New: func(Env) (*Running, error) {
	return onGin(nothing[*gin.Context](), alone[*gin.Context]), nil
}}

// onGin serves the routes of l. open makes a handler of one that takes a session.
func onGin[S any](l library[*gin.Context, S], open func(func(*gin.Context, S)) func(*gin.Context), middleware ...gin.HandlerFunc) *Running {
	r := gin.New()
	r.Use(middleware...)
	r.GET(Untouched, func(c *gin.Context) { c.String(http.StatusOK, "hello") })
	for path, use := range l.uses(func(c *gin.Context) string { return c.Query("key") }) {
		answer := ginText
		if path == Stream {
			answer = ginStream
		}
		r.GET(path, open(func(c *gin.Context, s S) {
			text, err := use(c, s)
			if err != nil {
				c.String(http.StatusInternalServerError, "not saved")
				return
			}
			answer(c, text)
		}))
	}
	return &Running{HTTP: r, Close: func() {}}
}

func ginText(c *gin.Context, text string) { c.String(http.StatusOK, text) }

func ginStream(c *gin.Context, text string) {
	c.String(http.StatusOK, text[:1])
	c.Writer.Flush()
	_, _ = c.Writer.WriteString(text[1:])
}
