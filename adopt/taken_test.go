package adopt_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
)

// cached is a store whose Load answers from a cache, and Reload from the storage.
type cached struct {
	driver.Store
	rec driver.Record
	err error
}

func (c *cached) Load(context.Context, driver.ID) (driver.Record, error) { return c.rec, c.err }

type reloading struct {
	*cached
	storage driver.Store
}

func (r reloading) Reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	return r.storage.Load(ctx, id)
}

// A cache that has not seen the takeover yet must not bring the session back.
func TestTakenInBehindACache(t *testing.T) {
	c := settings()
	storage := c.TakenIn
	c.TakenIn = reloading{&cached{Store: storage, err: driver.ErrNotFound}, storage}
	a := made.Of(adopt.NewGorilla(c))
	cookies := present("old", write(t, "old", alice))
	must(t, made.Of(a.Adopt(ctx, cookies)).Taken(ctx))
	if subject(t, a, cookies) != "" {
		t.Error("adopted after Taken")
	}
}

// For half a minute after a takeover a request with the old cookie is late. Then it is nobody's.
func TestTakenAMomentAgo(t *testing.T) {
	clock := storetest.NewClock()
	r := &records{data: map[string][]byte{token: recordOf(t, clock.Now().Add(time.Hour), map[string]any{"user": "alice"})}}
	c := settings()
	c.TakenIn, c.Now = newStore(clock.Now), clock.Now
	for name, from := range map[string]struct {
		a       *adopt.Adopter
		cookies []*http.Cookie
	}{
		"cookie": {made.Of(adopt.NewGorilla(c)), present("old", write(t, "old", alice))},
		"record": {made.Of(adopt.NewSCS(adopt.SCS{Store: r, TakenIn: newStore(clock.Now), Now: clock.Now, Read: readUser("user")})), present("session", token)},
	} {
		must(t, made.Of(from.a.Adopt(ctx, from.cookies)).Taken(ctx))
		clock.Advance(29 * time.Second)
		if found, err := from.a.Adopt(ctx, from.cookies); found != nil || !errors.Is(err, core.ErrEnded) {
			t.Errorf("%s, 29 s later: %v, %v", name, found, err)
		}
		clock.Advance(2 * time.Second)
		if found, err := from.a.Adopt(ctx, from.cookies); found != nil || err != nil {
			t.Errorf("%s, 31 s later: %v, %v", name, found, err)
		}
	}
}

func TestWhatTakenInAnswers(t *testing.T) {
	down := errors.New("connection refused")
	cookies := present("old", write(t, "old", alice))
	for name, want := range map[string]struct {
		answer cached
		err    error
		user   string
	}{
		"nothing":             {cached{err: driver.ErrNotFound}, nil, "alice"},
		"a damaged record":    {cached{err: driver.Corrupt("test")}, nil, ""},
		"a newer record":      {cached{err: driver.Unreadable("test")}, nil, ""},
		"another ID's record": {cached{rec: driver.Record{ID: driver.ID{9}}}, driver.ErrUnavailable, ""},
		"an error of its own": {cached{err: down}, driver.ErrUnavailable, ""},
	} {
		c := settings()
		want.answer.Store = c.TakenIn
		c.TakenIn = &want.answer
		found, err := made.Of(adopt.NewGorilla(c)).Adopt(ctx, cookies)
		user := ""
		if found != nil {
			user = found.Subject
		}
		if !errors.Is(err, want.err) || user != want.user {
			t.Errorf("%s: %q, %v", name, user, err)
		}
	}
}
