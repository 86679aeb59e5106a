package adopttest

import (
	"context"
	"encoding/gob"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/boj/redistore"
	ginsessions "github.com/gin-contrib/sessions"
	gincookie "github.com/gin-contrib/sessions/cookie"
	ginfiles "github.com/gin-contrib/sessions/filesystem"
	gingorm "github.com/gin-contrib/sessions/gorm"
	ginredis "github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
	"github.com/glebarez/sqlite"
	"github.com/gorilla/sessions"
	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

func init() { gob.Register(cart{}) }

// kind is one library with one store.
type kind struct {
	name  string
	gin   bool // the new application is on Gin
	start func(t *testing.T, hold func()) *app
}

var kinds = []kind{
	{"gorilla, cookie", false, func(t *testing.T, hold func()) *app {
		a := gorillaApp("shop", sessions.NewCookieStore(hashKey, blockKey), hold, adopt.Gorilla{KeyPairs: [][]byte{hashKey, blockKey}})
		a.renews = true
		return a
	}},
	{"gin, cookie", true, func(t *testing.T, hold func()) *app {
		a := ginApp(gincookie.NewStore([]byte("secret")), hold, adopt.Gorilla{KeyPairs: [][]byte{[]byte("secret")}})
		a.renews = true
		return a
	}},
	{"gorilla, files", false, func(t *testing.T, hold func()) *app {
		dir := folder(t)
		return inFolder(t, dir, gorillaApp("shop", sessions.NewFilesystemStore(dir, hashKey, blockKey), hold,
			adopt.Gorilla{KeyPairs: [][]byte{hashKey, blockKey}, Files: dir}))
	}},
	{"gin, files", true, func(t *testing.T, hold func()) *app {
		dir := folder(t)
		return inFolder(t, dir, ginApp(ginfiles.NewStore(dir, hashKey), hold, adopt.Gorilla{KeyPairs: [][]byte{hashKey}, Files: dir}))
	}},
	{"gin, Redis", true, func(t *testing.T, hold func()) *app {
		r := newRedis(t)
		store := made.Of(ginredis.NewStore(2, "tcp", r.addr, "", "", hashKey))
		return r.app(t, ginApp(store, hold, r.gorilla(adopt.Gorilla{KeyPairs: [][]byte{hashKey}})))
	}},
	{"redistore, JSON", false, func(t *testing.T, hold func()) *app {
		r := newRedis(t)
		store := made.Of(redistore.NewRediStore(2, "tcp", r.addr, "", "", hashKey, blockKey))
		store.SetSerializer(redistore.JSONSerializer{})
		return r.app(t, gorillaApp("shop", store, hold, r.gorilla(adopt.Gorilla{KeyPairs: [][]byte{hashKey, blockKey}, Format: adopt.JSON})))
	}},
	{"gin, GORM", true, func(t *testing.T, hold func()) *app {
		db := made.Of(gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "db")), &gorm.Config{Logger: logger.Discard}))
		t.Cleanup(func() { _ = made.Of(db.DB()).Close() })
		a := ginApp(gingorm.NewStore(db, false, hashKey, blockKey), hold, adopt.Gorilla{
			KeyPairs: [][]byte{hashKey, blockKey},
			Format:   adopt.Signed,
			Find: func(ctx context.Context, id string) ([]byte, error) {
				var data []string
				err := db.WithContext(ctx).Table("sessions").Where("id = ?", id).Pluck("data", &data).Error
				if err != nil || len(data) == 0 {
					return nil, err
				}
				return []byte(data[0]), nil
			},
			Delete: func(ctx context.Context, id string) error {
				return db.WithContext(ctx).Exec("DELETE FROM sessions WHERE id = ?", id).Error
			},
		})
		a.renews = true
		a.records = func() (n int) { must(t, db.Raw("SELECT count(*) FROM sessions").Scan(&n).Error); return n }
		a.down = func() { must(t, db.Exec("ALTER TABLE sessions RENAME TO away").Error) }
		a.up = func() { must(t, db.Exec("ALTER TABLE away RENAME TO sessions").Error) }
		return a
	}},
	{"scs, memory", false, func(t *testing.T, hold func()) *app {
		m := scs.New()
		store := memstore.NewWithCleanupInterval(0)
		m.Store = store
		a := scsApp(m, hold, adopt.SCS{Store: store})
		a.records = func() int { return len(made.Of(store.All())) }
		return a
	}},
	{"scs, Redis", false, func(t *testing.T, hold func()) *app {
		r := newRedis(t)
		m := scs.New()
		m.Store = goredisstore.New(r.direct)
		m.Cookie.Name, m.Cookie.Secure, m.HashTokenInStore = "id", true, true
		return r.app(t, scsApp(m, hold, adopt.SCS{
			Cookie: http.Cookie{Name: "id", Secure: true}, Store: goredisstore.New(r.client), HashTokenInStore: true,
		}))
	}},
}

var (
	hashKey  = []byte("a key for the MAC, of 32 bytes..")
	blockKey = []byte("a key for the AES, of 32 bytes..")
	redisOf  = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.Redis(tb) })
)

func folder(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "sessions")
	must(t, os.Mkdir(dir, 0o700))
	return dir
}

func inFolder(t *testing.T, dir string, a *app) *app {
	a.records = func() int { return len(made.Of(os.ReadDir(dir))) }
	a.down = func() { must(t, os.Rename(dir, dir+".away")) }
	a.up = func() { must(t, os.Rename(dir+".away", dir)) }
	return a
}

// redisServer is a Redis, which the new application reaches by way of a proxy.
type redisServer struct {
	addr           string
	direct, client *redis.Client
	proxy          *startserver.Proxy
}

func newRedis(t *testing.T) *redisServer {
	r := &redisServer{addr: redisOf(t).Addr}
	r.proxy = startserver.NewProxy(t, r.addr)
	r.direct = redis.NewClient(&redis.Options{Addr: r.addr})
	r.client = redis.NewClient(&redis.Options{Addr: r.proxy.Addr, MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = r.direct.Close(); _ = r.client.Close() })
	must(t, r.direct.FlushAll(context.Background()).Err())
	return r
}

func (r *redisServer) app(t *testing.T, a *app) *app {
	a.records = func() int { return int(made.Of(r.direct.DBSize(context.Background()).Result())) }
	a.down, a.up = r.proxy.Down, func() { r.proxy.Up(t) }
	return a
}

// gorilla adds the functions that adopt's example for Redis shows.
func (r *redisServer) gorilla(c adopt.Gorilla) adopt.Gorilla {
	c.Find = func(ctx context.Context, id string) ([]byte, error) {
		data, err := r.client.Get(ctx, "session_"+id).Bytes()
		if errors.Is(err, redis.Nil) {
			err = core.ErrNotFound
		}
		return data, err
	}
	c.Delete = func(ctx context.Context, id string) error { return r.client.Del(ctx, "session_"+id).Err() }
	return c
}

// gorillaApp is an application with gorilla/sessions.
func gorillaApp(name string, store sessions.Store, hold func(), c adopt.Gorilla) *app {
	handler := func(w http.ResponseWriter, r *http.Request) {
		s, err := store.Get(r, name)
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		switch r.URL.Path {
		case "/old/sign-in":
			s.Values["user"], s.Values["since"], s.Values["cart"] = r.FormValue("user"), int64(since), cart{[]string{"hat"}}
			s.AddFlash("welcome")
		case "/old/held":
			hold()
			s.Values["late"] = true
		}
		if r.URL.Path != "/old/me" {
			if err := s.Save(r, w); err != nil {
				http.Error(w, err.Error(), 500)
				return
			}
		}
		user, _ := s.Values["user"].(string)
		_, _ = io.WriteString(w, user)
	}
	c.Cookie = http.Cookie{Name: name}
	return &app{cookie: name, handler: http.HandlerFunc(handler), keys: true, adopter: adopterOf(c)}
}

// ginApp is an application with gin-contrib/sessions.
func ginApp(store ginsessions.Store, hold func(), c adopt.Gorilla) *app {
	r := gin.New()
	r.Use(ginsessions.Sessions("mysession", store))
	page := func(do func(*gin.Context, ginsessions.Session)) gin.HandlerFunc {
		return func(c *gin.Context) {
			s := ginsessions.Default(c)
			s.Get("user") // loads it
			do(c, s)
			if err := s.Save(); err != nil {
				_ = c.AbortWithError(500, err)
				return
			}
			user, _ := s.Get("user").(string)
			c.String(200, user)
		}
	}
	r.GET("/old/me", page(func(*gin.Context, ginsessions.Session) {}))
	r.GET("/old/sign-in", page(func(c *gin.Context, s ginsessions.Session) {
		s.Set("user", c.Query("user"))
		s.Set("since", int64(since))
		s.Set("cart", cart{[]string{"hat"}})
		s.AddFlash("welcome")
	}))
	r.GET("/old/held", page(func(c *gin.Context, s ginsessions.Session) {
		hold()
		s.Set("late", true)
	}))
	c.Cookie = http.Cookie{Name: "mysession"}
	return &app{cookie: "mysession", handler: r, keys: true, adopter: adopterOf(c)}
}

// adopterOf makes the Adopter of a test.
func adopterOf(c adopt.Gorilla) func(options) (*adopt.Adopter, error) {
	return func(o options) (*adopt.Adopter, error) {
		c := c
		if o.keys != nil {
			c.KeyPairs = o.keys
		}
		c.TakenIn, c.MaxSize, c.Now = o.taken, o.maxSize, o.now
		c.Read = func(_ context.Context, values map[any]any) (*core.Adoption, error) {
			return adoption(func(key string) any { return values[key] })
		}
		return adopt.NewGorilla(c)
	}
}

// scsApp is an application with scs.
func scsApp(m *scs.SessionManager, hold func(), c adopt.SCS) *app {
	handler := func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		switch r.URL.Path {
		case "/old/sign-in":
			if err := m.RenewToken(ctx); err != nil {
				http.Error(w, err.Error(), 500)
				return
			}
			m.Put(ctx, "user", r.FormValue("user"))
			m.Put(ctx, "since", int64(since))
			m.Put(ctx, "cart", cart{[]string{"hat"}})
		case "/old/held":
			hold()
			m.Put(ctx, "late", true)
		}
		_, _ = io.WriteString(w, m.GetString(ctx, "user"))
	}
	adopter := func(o options) (*adopt.Adopter, error) {
		c := c
		c.TakenIn, c.MaxSize, c.Now = o.taken, o.maxSize, o.now
		c.Read = func(_ context.Context, values map[string]any) (*core.Adoption, error) {
			return adoption(func(key string) any { return values[key] })
		}
		return adopt.NewSCS(c)
	}
	return &app{cookie: m.Cookie.Name, handler: m.LoadAndSave(http.HandlerFunc(handler)), adopter: adopter}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
