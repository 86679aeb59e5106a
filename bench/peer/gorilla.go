package peer

import (
	"github.com/gin-contrib/sessions"
	gincookie "github.com/gin-contrib/sessions/cookie"
	ginmemstore "github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"
	"github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"
)

// The keys of gorilla's codecs. With the second one they encrypt, with AES-256.
var (
	authKey    = []byte("0123456789abcdef0123456789abcdef")
	encryptKey = []byte("fedcba9876543210fedcba9876543210")
)

func init() {
	cookie := func(Env) (gorilla.Store, error) { return gorilla.NewCookieStore(authKey, encryptKey), nil }
	file := func(env Env) (gorilla.Store, error) { return gorilla.NewFilesystemStore(env.Dir, authKey), nil }
	All = append(All,
		gorillaApp("cookie", cookie),
		gorillaApp("file", file),
		ginContribApp("memory", func(Env) (sessions.Store, error) { return ginmemstore.NewStore(authKey), nil }),
		ginContribApp("cookie", func(Env) (sessions.Store, error) { return gincookie.NewStore(authKey, encryptKey), nil }),
		echoContribApp("cookie", cookie),
		echoContribApp("file", file),
		echoContribV5App("cookie", cookie),
		echoContribV5App("file", file),
	)
}

// gorillaApp is gorilla/sessions on net/http.
func gorillaApp(store string, open func(Env) (gorilla.Store, error)) App {
	return App{"gorilla/sessions", "github.com/gorilla/sessions", "net/http", store, func(env Env) (*Running, error) {
		backend, err := open(env)
		if err != nil {
			return nil, err
		}
		l := gorillaLibrary(func(c httpCall, s *gorilla.Session) error { return s.Save(c.r, c.w) })
		return onHTTP(l, func(h func(httpCall, *gorilla.Session)) func(httpCall) {
			return func(c httpCall) {
				s, _ := backend.Get(c.r, "session") // never nil; gorilla's documentation ignores the error
				h(c, s)
			}
		}, nil), nil
	}}
}

// echoContribApp is Echo's middleware, which hands gorilla's sessions on.
func echoContribApp(store string, open func(Env) (gorilla.Store, error)) App {
	return App{"echo-contrib/session", "github.com/labstack/echo-contrib", "echo", store, func(env Env) (*Running, error) {
		backend, err := open(env)
		if err != nil {
			return nil, err
		}
		l := gorillaLibrary(func(c echo.Context, s *gorilla.Session) error { return s.Save(c.Request(), c.Response()) })
		return onEcho(l, func(h func(echo.Context, *gorilla.Session) error) func(echo.Context) error {
			return func(c echo.Context) error {
				s, err := session.Get("session", c)
				if err != nil {
					return err
				}
				return h(c, s)
			}
		}, session.Middleware(backend)), nil
	}}
}

func gorillaLibrary[C any](save func(C, *gorilla.Session) error) library[C, *gorilla.Session] {
	return library[C, *gorilla.Session]{
		get: func(s *gorilla.Session, key any) int {
			n, _ := s.Values[key].(int)
			return n
		},
		set:  func(s *gorilla.Session, key any, n int) { s.Values[key] = n },
		fill: func(s *gorilla.Session, key string, value any) { s.Values[key] = value },
		save: save,
		end: func(c C, s *gorilla.Session) error {
			s.Options.MaxAge = -1
			return save(c, s)
		},
	}
}

// ginContribApp is Gin's middleware over one of its stores.
func ginContribApp(store string, open func(Env) (sessions.Store, error)) App {
	return App{"gin-contrib/sessions", "github.com/gin-contrib/sessions", "gin", store, func(env Env) (*Running, error) {
		backend, err := open(env)
		if err != nil {
			return nil, err
		}
		return onGin(library[*gin.Context, sessions.Session]{
			get: func(s sessions.Session, key any) int {
				n, _ := s.Get(key).(int)
				return n
			},
			set:  func(s sessions.Session, key any, n int) { s.Set(key, n) },
			fill: func(s sessions.Session, key string, value any) { s.Set(key, value) },
			save: func(_ *gin.Context, s sessions.Session) error { return s.Save() },
			end: func(_ *gin.Context, s sessions.Session) error {
				s.Clear()
				s.Options(sessions.Options{Path: "/", MaxAge: -1})
				return s.Save()
			},
		}, func(h func(*gin.Context, sessions.Session)) func(*gin.Context) {
			return func(c *gin.Context) { h(c, sessions.Default(c)) }
		}, sessions.Sessions("session", backend)), nil
	}}
}
