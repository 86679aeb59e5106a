package peer

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	fiberv3 "github.com/gofiber/fiber/v3"
	"github.com/labstack/echo/v4"
	echov5 "github.com/labstack/echo/v5"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/echosession"
	"github.com/coatcheck-go/coatcheck/echov5session"
	"github.com/coatcheck-go/coatcheck/fibersession"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func init() {
	for _, framework := range []string{"net/http", "gin", "echo", "echo v5", "fiber v2", "fiber v3"} {
		All = append(All,
			coatcheckApp(framework, "memory", func(Env) (driver.Backend, error) { return memstore.New(memstore.Config{}) }),
			coatcheckApp(framework, "cookie", func(Env) (driver.Backend, error) {
				keys, err := keyring.New(keyring.Generate("k1"))
				if err != nil {
					return nil, err
				}
				ended, err := memstore.New(memstore.Config{})
				if err != nil {
					return nil, err
				}
				return cookiestore.New(keys, cookiestore.RevokeIn(ended), cookiestore.Config{})
			}),
			coatcheckApp(framework, "file", func(env Env) (driver.Backend, error) { return filestore.New(env.Dir, filestore.Config{}) }),
		)
	}
	for _, framework := range []string{"net/http", "echo"} { // where others keep files, too
		app := coatcheckApp(framework, "file", func(env Env) (driver.Backend, error) {
			return filestore.New(env.Dir, filestore.Config{Sync: filestore.SyncEnds})
		})
		app.Library = SyncEnds
		All = append(All, app)
	}
}

// SyncEnds is the Library of coatcheck over files that are not synced, as those of others are not. Only the end of a
// session is.
const SyncEnds = "coatcheck with sync=ends"

// coatcheckApp is coatcheck over the store that open returns. Closing the App closes
// the store if it is an io.Closer.
func coatcheckApp(framework, store string, open func(Env) (driver.Backend, error)) App {
	return App{"coatcheck", "github.com/coatcheck-go/coatcheck", framework, store, func(env Env) (*Running, error) {
		backend, err := open(env)
		if err != nil {
			return nil, err
		}
		m, err := core.New(core.Config{Store: backend})
		if err != nil {
			return nil, err
		}
		running := coatcheckOn[framework](m)
		running.Close = func() { _ = m.Close() }
		return running, nil
	}}
}

var coatcheckOn = map[string]func(*core.Manager) *Running{
	"net/http": func(m *core.Manager) *Running {
		return onHTTP(coatcheck[httpCall](), func(h func(httpCall, *core.Session)) func(httpCall) {
			handle := httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) { h(httpCall{w, r}, s) })
			return func(c httpCall) { handle(c.w, c.r) }
		}, httpsession.New(m))
	},
	"gin": func(m *core.Manager) *Running {
		return onGin(coatcheck[*gin.Context](), func(h func(*gin.Context, *core.Session)) func(*gin.Context) {
			return ginsession.Handle(h)
		}, ginsession.New(m))
	},
	"echo": func(m *core.Manager) *Running {
		return onEcho(coatcheck[echo.Context](), func(h func(echo.Context, *core.Session) error) func(echo.Context) error {
			return echosession.Handle(h)
		}, echosession.New(m))
	},
	"echo v5": func(m *core.Manager) *Running {
		return onEchoV5(coatcheck[*echov5.Context](), func(h func(*echov5.Context, *core.Session) error) func(*echov5.Context) error {
			return echov5session.Handle(h)
		}, echov5session.New(m))
	},
	"fiber v2": func(m *core.Manager) *Running {
		return onFiberV2(coatcheck[*fiber.Ctx](), func(h func(*fiber.Ctx, *core.Session) error) func(*fiber.Ctx) error {
			return fibersession.Handle(h)
		}, fibersession.New(m))
	},
	"fiber v3": func(m *core.Manager) *Running {
		return onFiberV3(coatcheck[fiberv3.Ctx](), func(h func(fiberv3.Ctx, *core.Session) error) func(fiberv3.Ctx) error {
			return fiberv3session.Handle(h)
		}, fiberv3session.New(m))
	},
}

const visits core.Key[int] = "visits"

func coatcheck[C any]() library[C, *core.Session] {
	return library[C, *core.Session]{
		get: func(s *core.Session, key any) int { return core.Key[int](key.(string)).GetOr(s, 0) },
		set: func(s *core.Session, key any, n int) { _ = core.Key[int](key.(string)).Set(s, n) },
		fill: func(s *core.Session, key string, value any) {
			switch v := value.(type) {
			case int:
				_ = core.Key[int](key).Set(s, v)
			case string:
				_ = core.Key[string](key).Set(s, v)
			}
		},
		add: func(s *core.Session) int {
			_ = visits.Update(s, func(n int) int { return n + 1 })
			return visits.GetOr(s, 0)
		},
		end: func(_ C, s *core.Session) error { return s.Logout() },
	}
}
