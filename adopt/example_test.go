package adopt_test

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// cart is a type of the old application.
type cart struct{ Items []string }

const carts core.Key[[]string] = "cart"

// NewCookieStore of gorilla/sessions, and cookie.NewStore of gin-contrib/sessions, keep the values in the cookie.
func ExampleNewGorilla() {
	gob.RegisterName("main.cart", cart{}) // as it was called where it was stored
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	old, err := adopt.NewGorilla(adopt.Gorilla{
		Cookie:   http.Cookie{Name: "shop", Path: "/", Domain: "example.com", Secure: true, Partitioned: false},
		KeyPairs: [][]byte{hashKey, blockKey}, // as NewCookieStore was given them
		MaxAge:   7 * 24 * time.Hour,
		TakenIn:  store,
		Logger:   slog.Default(),
		Read: func(_ context.Context, values map[any]any) (*core.Adoption, error) {
			user, ok := values["user"].(string)
			if !ok {
				return nil, nil // a visitor: nothing to take over
			}
			since, _ := values["since"].(int64)
			basket, _ := values["cart"].(cart)
			return &core.Adoption{
				Subject:  user,
				AuthTime: time.Unix(since, 0),
				Values:   map[string]any{"cart": basket.Items},
			}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, Adopt: old.Adopt}) // our cookie is __Host-session
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	cookie := oldCookie("shop", map[any]any{"user": "alice", "since": int64(1767323045), "cart": cart{[]string{"hat"}}})
	for _, line := range request(m, cookie, func(s *core.Session) {
		fmt.Println(s.Subject(), carts.GetOr(s, nil), s.AuthTime().UTC())
	}) {
		fmt.Println(line)
	}
	request(m, cookie, func(s *core.Session) { fmt.Printf("a copy of the old cookie: %q\n", s.Subject()) })
	// Output:
	// alice [hat] 2026-01-02 03:04:05 +0000 UTC
	// __Host-session=(a token)
	// shop=; Path=/; Domain=example.com; Max-Age=0; HttpOnly; Secure
	// a copy of the old cookie: ""
}

// Redis: redistore, and so redis.NewStore of gin-contrib/sessions. Find and Delete call your client. With go-redis, Find
// is:
//
//	data, err := client.Get(ctx, "session_"+id).Bytes()
//	if errors.Is(err, redis.Nil) {
//		err = core.ErrNotFound
//	}
//	return data, err
func ExampleGorilla_redis() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	redis := map[string]string{"session_M4DQ": `{"user":"alice"}`}
	old, err := adopt.NewGorilla(adopt.Gorilla{
		Cookie:   http.Cookie{Name: "mysession"},
		KeyPairs: [][]byte{hashKey, blockKey},
		TakenIn:  store,
		Find: func(_ context.Context, id string) ([]byte, error) {
			data, ok := redis["session_"+id]
			if !ok {
				return nil, core.ErrNotFound
			}
			return []byte(data), nil
		},
		Delete: func(_ context.Context, id string) error {
			delete(redis, "session_"+id)
			return nil
		},
		Format: adopt.JSON, // of SetSerializer(redistore.JSONSerializer{}); without it adopt.Gob
		Read: func(_ context.Context, values map[any]any) (*core.Adoption, error) {
			user, _ := values["user"].(string)
			return &core.Adoption{Subject: user}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, Adopt: old.Adopt})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	request(m, oldCookie("mysession", "M4DQ"), func(s *core.Session) { fmt.Println(s.Subject()) })
	fmt.Println("left in Redis:", len(redis))
	// Output:
	// alice
	// left in Redis: 0
}

// A FilesystemStore of gorilla/sessions.
func ExampleGorilla_files() {
	dir, err := os.MkdirTemp("", "sessions")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	old, err := adopt.NewGorilla(adopt.Gorilla{
		Cookie:   http.Cookie{Name: "shop"},
		KeyPairs: [][]byte{hashKey, blockKey},
		Files:    dir,
		TakenIn:  store,
		MaxSize:  16 << 10,
		Read: func(_ context.Context, values map[any]any) (*core.Adoption, error) {
			user, _ := values["user"].(string)
			return &core.Adoption{Subject: user}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	found, err := old.Adopt(context.Background(), nil) // core calls it
	fmt.Println(found, err)
	// Output: <nil> <nil>
}

// How the records are encoded that Find returns.
func ExampleFormat() {
	formats := map[string]adopt.Format{
		"redistore":                     adopt.Gob,
		"redistore with JSONSerializer": adopt.JSON,
		"gin-contrib's gorm":            adopt.Signed, // SELECT data FROM sessions WHERE id = ? AND expires_at > now()
	}
	fmt.Println(formats["gin-contrib's gorm"])
	// Output: signed
}

// scsTable stands for any store of scs: redisstore, postgresstore, memstore.
type scsTable map[string][]byte

func (s scsTable) Find(token string) ([]byte, bool, error) {
	data, ok := s[token]
	return data, ok, nil
}
func (s scsTable) Delete(token string) error { delete(s, token); return nil }

func ExampleNewSCS() {
	const oldToken = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	var table adopt.SCSStore = scsTable{oldToken: scsRecord(map[string]any{"userID": "alice", "visits": 41})}
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	old, err := adopt.NewSCS(adopt.SCS{
		Cookie:           http.Cookie{Name: "session", Secure: true}, // SessionManager.Cookie
		MaxSize:          16 << 10,
		Logger:           slog.Default(),
		Store:            table, // SessionManager.Store
		HashTokenInStore: false, // as in SessionManager
		Decode:           nil,   // SessionManager.Codec.Decode, if that is not scs.GobCodec
		TakenIn:          store,
		Read: func(_ context.Context, values map[string]any) (*core.Adoption, error) {
			user, ok := values["userID"].(string)
			if !ok {
				return nil, errors.New("a session without a user") // an error is a 503, and changes nothing
			}
			return &core.Adoption{Subject: user, Values: map[string]any{"visits": values["visits"]}}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, Adopt: old.Adopt}) // scs's cookie is "session", ours __Host-session
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	const visits core.Key[int] = "visits"
	request(m, "session="+oldToken, func(s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		fmt.Println(s.Subject(), visits.GetOr(s, 0))
	})
	request(m, "session="+oldToken, func(s *core.Session) { fmt.Printf("a copy of the old cookie: %q\n", s.Subject()) })
	// Output:
	// alice 42
	// a copy of the old cookie: ""
}

// Two old cookies, of two old applications or of SessionsMany: the first that is somebody's counts.
func ExampleAdopter() {
	read := func(_ context.Context, values map[any]any) (*core.Adoption, error) {
		user, _ := values["user"].(string)
		return &core.Adoption{Subject: user}, nil
	}
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	var all []*adopt.Adopter
	for _, name := range []string{"shop", "forum"} {
		a, err := adopt.NewGorilla(adopt.Gorilla{
			Cookie: http.Cookie{Name: name}, KeyPairs: [][]byte{hashKey, blockKey}, TakenIn: store, Read: read,
		})
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, a)
	}
	m, err := core.New(core.Config{
		Store: store,
		Adopt: func(ctx context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
			for _, a := range all {
				if found, err := a.Adopt(ctx, cookies); found != nil || err != nil {
					return found, err
				}
			}
			return nil, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	request(m, oldCookie("forum", map[any]any{"user": "bob"}), func(s *core.Session) { fmt.Println(s.Subject()) })
	// Output: bob
}

// While old servers run, a browser may have an old session beside ours. Sign out there, too.
func ExampleAdopter_Adopt() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	old, err := adopt.NewGorilla(adopt.Gorilla{
		Cookie: http.Cookie{Name: "shop"}, KeyPairs: [][]byte{hashKey, blockKey}, TakenIn: store,
		Read: func(_ context.Context, values map[any]any) (*core.Adoption, error) {
			user, _ := values["user"].(string)
			return &core.Adoption{Subject: user}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, Adopt: old.Adopt})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	signOut := httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = s.Logout() // ends the session of the old cookie, too
		fmt.Fprint(w, "bye")
	})

	ours := signIn(m, "alice")
	there := oldCookie("shop", map[any]any{"user": "bob"}) // signed in on an old server meanwhile
	request(m, ours+"; "+there, func(s *core.Session) { fmt.Printf("%q\n", s.Subject()) })
	fmt.Println(post(httpsession.New(m)(signOut), ours+"; "+there))
	request(m, there, func(s *core.Session) { fmt.Printf("%q\n", s.Subject()) })
	// Output:
	// "alice"
	// bye
	// ""
}
