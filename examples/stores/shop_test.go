package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)

// visit is a shop with a laptop and a phone that go through it.
type visit struct {
	arrangement
	*testing.T
	p             *process
	laptop, phone *browser
}

// The way of a customer through the shop, which is started anew between any two steps.
func TestEveryStore(t *testing.T) {
	for _, a := range arrangements {
		t.Run(a.name, func(t *testing.T) {
			url, store, cache := a.start(t)
			p := start(t, url)
			v := visit{a, t, p, &browser{t: t, p: p, agent: firefox}, &browser{t: t, p: p, agent: iphone}}
			for _, step := range []func(visit){visit.fillsCart, visit.signsIn, visit.endsPhone, visit.endsOthers, visit.signsOut} {
				step(v)
				if !a.noRestart {
					p.restart(t)
				}
			}
			v.laptop.asAlice().post("/cart/add", "sku", "scarf")
			v.isOperated()
			if store != nil {
				v.losesStore(store)
			}
			if cache != nil {
				v.losesCache(cache)
			}
			if a.noRestart {
				p.restart(t)
				v.laptop.get("/").wantUser("")
				v.laptop.wantCart("")
			}
		})
	}
}

func (v visit) fillsCart() {
	v.laptop.post("/cart/add", "sku", "coat").wantFlash("Wool coat is in your cart.")
	v.laptop.post("/cart/add", "sku", "hat").wantCart("2")
}

func (v visit) signsIn() {
	before := v.laptop.thief()
	before.get("/").wantCart("2") // after the restart
	v.laptop.asAlice().wantCart("2")
	if v.laptop.cookie.Value == before.cookie.Value {
		v.Error("the token is the one from before the sign-in")
	}
	before.get("/").wantUser("")
	v.phone.asAlice().wantCart("")
}

func (v visit) endsPhone() {
	v.laptop.get("/devices").wantUser("alice")
	if v.noList {
		v.laptop.want("note", v.laptop.first(`<strong>(.*?)</strong>`), "This store cannot list your devices.")
		v.laptop.post("/devices/revoke", "id", strings.Repeat("a", 64))
		v.laptop.want("revoke", http.StatusText(v.laptop.status), "Not Implemented")
		return
	}
	id := v.phone.get("/devices").current()
	if ids := v.laptop.ids(); len(ids) != 2 || !slices.Contains(ids, id) || id == v.laptop.current() {
		v.Errorf("devices %q, this one %q, phone %q", ids, v.laptop.current(), id)
	}
	v.laptop.post("/devices/revoke", "id", id).wantFlash("That device is signed out.")
	v.laptop.want("devices left", strings.Join(v.laptop.ids(), " "), v.laptop.current())
	v.phone.get("/").wantUser("")
}

func (v visit) endsOthers() {
	if v.noList {
		return
	}
	v.phone.get("/").wantUser("") // after the restart
	v.phone.asAlice()
	v.laptop.post("/devices/revoke-others").wantFlash("You are signed out everywhere else.")
	v.phone.get("/").wantUser("")
}

// isOperated looks at the pages for programs.
func (v visit) isOperated() {
	v.laptop.want("readiness", strings.TrimSpace(v.laptop.get("/readyz").page), "ready")
	for _, metric := range []string{"coatcheck_store_duration_seconds_count", "coatcheck_logins_total"} {
		if !strings.Contains(v.laptop.get("/metrics").page, metric) {
			v.Errorf("no %s in /metrics", metric)
		}
	}
}

func (v visit) signsOut() {
	v.laptop.get("/").wantUser("alice")
	copied := v.laptop.thief()
	v.laptop.post("/sign-out").wantFlash("You are signed out.")
	v.laptop.wantUser("")
	copied.get("/").wantUser("")
	if !v.noRestart {
		v.p.restart(v.T)
		copied.get("/").wantUser("")
		v.laptop.get("/").wantUser("")
	}
}

// losesStore: an outage signs nobody out; what the server has forgotten is gone.
func (v visit) losesStore(store *startserver.Server) {
	token := v.laptop.cookie.Value
	store.Kill()
	if strings.Contains(v.p.store, "cache=") {
		v.laptop.get("/cart").wantUser("alice") // a page that only reads
	}
	v.laptop.post("/cart/add", "sku", "hat")
	onSecond := strings.HasPrefix(v.p.store, "memcache") && v.laptop.status == http.StatusOK
	if !onSecond && (v.laptop.status != http.StatusServiceUnavailable || v.laptop.header.Get("Set-Cookie") != "" || v.laptop.cookie.Value != token) {
		v.Errorf("the store is down: status %d, header %v", v.laptop.status, v.laptop.header)
	}
	store.Restart(v.T)
	for late := time.Now().Add(patience); v.laptop.get("/").status != http.StatusOK; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			v.Fatalf("the store is back, the shop says %d", v.laptop.status)
		}
	}
	if v.forgets && !onSecond {
		v.laptop.wantUser("")
	} else {
		v.laptop.wantUser("alice")
	}
}

// losesCache: without it the shop goes on, and so it does when it is back, empty.
func (v visit) losesCache(cache *startserver.Server) {
	cache.Kill()
	v.laptop.post("/cart/add", "sku", "scarf").wantCart("2")
	v.laptop.get("/").wantUser("alice")
	cache.Restart(v.T)
	v.laptop.get("/").wantUser("alice")
	v.laptop.wantCart("2")
}
