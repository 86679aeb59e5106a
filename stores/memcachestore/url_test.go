package memcachestore

import (
	"errors"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/internal/test/urltest"
)

func TestURL(t *testing.T) {
	one, two, secured := startserver.Memcached(t).Addr, startserver.Memcached(t).Addr, withPassword(t)
	dead := startserver.DeadAddr(t)
	urltest.Options(t, "memcache://"+one+"?", "", Config{}, "DialContext")
	store := urltest.Open(t, "memcache://"+one+","+two+"#2?prefix=shop:&timeout=1s&max_conns=9&max_idle_conns=3&max_item=4096").(*Store)
	config := store.config
	if config.Prefix != "shop:" || config.Timeout.Seconds() != 1 || config.MaxConns != 9 || config.MaxIdleConns != 3 || config.MaxItem != 4096 || len(store.ring.servers) != 2 {
		t.Errorf("%+v", config)
	}
	store = urltest.Open(t, "memcache://shop:secret@"+secured).(*Store)
	rec := record(1, 10)
	if err := store.Create(t.Context(), rec); err != nil {
		t.Error(err)
	}
	_, err := driver.Open(t.Context(), "memcache://"+dead)
	if !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("%v is no outage", err)
	}
	urltest.Refused(t, map[string]string{
		"memcache://":                                   "is no memcache://HOST:PORT",
		"memcache://" + one + "/0":                      "is no memcache://HOST:PORT",
		"memcache://localhost":                          "port",
		"memcache://" + one + "," + dead:                dead,
		"memcache://" + one + "?timeout=1":              "option timeout is a time",
		"memcache://" + one + "?max_conn=1":             "did you mean max_conns?",
		"memcache:///no/such/socket":                    "no/such/socket",
		"memcache://shop:hush@" + secured:               "refuses this user and password",
		"memcache://" + secured:                         "memcached -Y",
		"memcache://" + strings.Repeat("a", 300) + ":1": "unavailable",
	})
}
