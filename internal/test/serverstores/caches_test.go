package serverstores

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

// nodes has storages by name. open makes the store of one more application server, with its own cache over the shared
// storage.
var nodes = map[string]func(t *testing.T) (open func() driver.Store){
	"memory over PostgreSQL": func(t *testing.T) func() driver.Store {
		address := postgresAt(t)
		migrate(t, address, "nodes")
		return func() driver.Store {
			cache := made.Of(memstore.New(memstore.Config{}))
			s, err := cachedstore.New(cache, openGorm(t, address, "nodes"), cachedstore.Config{Timeout: patience})
			must(t, err)
			return s
		}
	},
	"memory over Redis": func(t *testing.T) func() driver.Store {
		address := redisAt(t)
		return func() driver.Store {
			cache := made.Of(memstore.New(memstore.Config{}))
			s, err := cachedstore.New(cache, openRedis(t, address, "nodes"), cachedstore.Config{Timeout: patience})
			must(t, err)
			return s
		}
	},
	"Redis with CacheFor": func(t *testing.T) func() driver.Store {
		address := redisAt(t)
		return func() driver.Store {
			s, err := redisstore.Open(rueidis.ClientOption{InitAddress: []string{address}}, redisstore.Config{Prefix: "cached:", CacheFor: time.Minute})
			must(t, err)
			return s
		}
	},
}

// TestCacheOfAnotherNode: a cache must not make a new token look wrong. Given a session that node B has in its cache,
// when node A rotates it or signs the user in, then the pages that follow know the user, on B and on A, every time. (B
// may know the session from before a sign-in for as long as it trusts its cache. A rotation keeps the session, and by
// then B has seen its new token.)
func TestCacheOfAnotherNode(t *testing.T) {
	n := rounds.Of(60, 500)
	for name, prepare := range nodes {
		for change, c := range map[string]struct{ given, change func(*core.Session) error }{
			"rotation":      {signIn, (*core.Session).RotateID},
			"sign-in":       {anonymous, signIn},
			"sign-in again": {signIn, signIn},
		} {
			t.Run(name+"/"+change, func(t *testing.T) {
				open := prepare(t)
				a, b := newManager(t, open()), newManager(t, open())
				var wrong []error
				for range n {
					old, err := visit(a, "", c.given)
					must(t, err)
					for range 2 { // the cache answers the second one
						_, err = visit(b, old, read)
						must(t, err)
					}
					cookie, err := visit(a, old, c.change)
					if err != nil || cookie == old {
						t.Fatalf("no new cookie: %v", err)
					}
					if err = errors.Join(pages(b, cookie), pages(a, cookie)); err != nil {
						wrong = append(wrong, err)
					}
					if change != "rotation" {
						continue
					}
					for node, m := range []*core.Manager{a, b} {
						if user(m, old, read) == nil {
							t.Errorf("node %d takes the token from before the rotation", node)
						}
					}
				}
				if len(wrong) > 0 {
					t.Errorf("%d of %d times right; %v", n-len(wrong), n, wrong[0])
				}
			})
		}
	}
}

// pages sends the browser's next requests: some at once, and then one that writes.
func pages(m *core.Manager, cookie string) error {
	var all sync.WaitGroup
	var errs [4]error
	for i := range errs {
		all.Go(func() { errs[i] = user(m, cookie, read) })
	}
	all.Wait()
	return errors.Join(errors.Join(errs[:]...), user(m, cookie, write))
}

// user sends a request that fails unless alice is signed in.
func user(m *core.Manager, cookie string, handler func(*core.Session) error) error {
	_, err := visit(m, cookie, func(s *core.Session) error {
		if s.Subject() != "alice" {
			return errors.New("a stranger")
		}
		return handler(s)
	})
	return err
}
