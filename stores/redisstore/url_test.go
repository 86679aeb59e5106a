package redisstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/internal/test/urltest"
	_ "github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

func TestURL(t *testing.T) {
	server := startserver.Redis(t)
	secured := startserver.Redis(t)
	if _, err := startserver.RedisCommand(secured.Addr, "CONFIG", "SET", "requirepass", "hush hush"); err != nil {
		t.Fatal(err)
	}
	base := "redis://" + server.Addr + "/0"
	urltest.Options(t, base+"?", "", redisstore.Config{}, "Logger")
	urltest.Open(t, "redis://"+server.Addr)
	urltest.Open(t, "redis://"+server.Addr+"/3?prefix=shop:&cache_for=1s&dial_timeout=1s")
	urltest.Open(t, "redis://:hush%20hush@"+secured.Addr)

	store := urltest.Open(t, base+"?cache="+base).(driver.Store) // one server, and two names
	rec := driver.Record{ID: driver.ID{1}, Expires: time.Now().Add(time.Hour), Data: []byte("x")}
	if err := store.Create(t.Context(), &rec); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"coatcheck:session:*", "coatcheck-cache:session:*"} {
		if keys, err := startserver.RedisCommand(server.Addr, "KEYS", key); err != nil || keys == "" {
			t.Errorf("%s: %q, %v", key, keys, err)
		}
	}

	dead := startserver.DeadAddr(t)
	_, err := driver.Open(t.Context(), "redis://:hush@"+dead)
	if !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("%v is no outage", err)
	}
	urltest.Refused(t, map[string]string{
		"redis://:hush@" + dead:         "session store unavailable",
		"redis://:hush@" + secured.Addr: "the server refuses this user: check USER and PASSWORD",
		"redis://" + secured.Addr:       "the server refuses this user: check USER and PASSWORD",
		"redis:" + server.Addr:          "names no host",
		"redis:":                        "names no host",
		base + "?prefix=shop:&cache=" + base + "?prefix=shop:": "in the same place",
		base + "#x?dial_timeout=1s":                            "invalid database number",
		base + "?client_name=a#b&dial_timeout=5":               "invalid dial timeout",
		base + "?client_name=a;b&dial_timeout=5":               "invalid dial timeout",
		base + "zero":                                          "invalid database number",
		base + "/1":                                            "invalid URL path",
		base + "?prefx=a":                                      "did you mean prefix?",
		base + "?cache_for=-1s":                                "CacheFor",
		base + "?dial_timeout=5":                               "invalid dial timeout",
		base + "?cache=redis://:hush@" + dead:                  "option cache: coatcheck: open the store redis://:xxxxx@",
	})
}
