package core_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestHeaderOfOnesOwn(t *testing.T) {
	m := newManager(t, core.Config{Sources: []core.Source{"x-session-token"}})
	x := m.Adapter().Begin(ctx, nil)
	s, _ := x.Session(ctx)
	must(t, count.Set(s, 4))
	out, err := x.Commit(ctx, 200)
	if err != nil || out.Name != "X-Session-Token" || len(out.Value) != 43 || out.Vary != "X-Session-Token" {
		t.Fatalf("%+v, %v", out, err)
	}
	x = m.Adapter().Begin(ctx, http.Header{"X-Session-Token": {out.Value}})
	s, _ = x.Session(ctx)
	if n, err := count.Get(s); n != 4 {
		t.Errorf("count = %d, %v", n, err)
	}
}

// A header that means something to a browser, a proxy or a server carries no token, however it is spelled.
func TestHeaderOfOthers(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	for header := range strings.FieldsSeq(`Accept accept-encoding Access-Control-Allow-Origin Age ALLOW Alt-Svc
		Cache-Control Clear-Site-Data Connection Content-Security-Policy Content-Type Cross-Origin-Opener-Policy Date DNT
		ETag Expect Expires Forwarded From Host If-None-Match Keep-Alive Last-Modified Link Location Max-Forwards Origin
		Permissions-Policy Pragma Priority Proxy-Authorization Range Referer Referrer-Policy Refresh Retry-After Sec-Fetch-Site
		Server Server-Timing Set-Cookie Strict-Transport-Security TE Trailer Transfer-Encoding Upgrade Upgrade-Insecure-Requests
		User-Agent Vary Via Warning WWW-Authenticate X-Accel-Redirect X-Content-Type-Options X-Forwarded-For X-Frame-Options
		X-HTTP-Method-Override X-Real-IP X-Request-ID X-Requested-With traceparent`) {
		if _, err := core.New(core.Config{Store: store, Sources: []core.Source{core.Source(header)}}); err == nil || !strings.Contains(err.Error(), "Config.Sources") {
			t.Errorf("%s: %v", header, err)
		}
	}
	for header := range strings.FieldsSeq("X-Session-Token Session X-Auth-Token Authorization-Token X-Session Hostess Api-Token Dated") {
		newManager(t, core.Config{Store: store, Sources: []core.Source{core.Source(header)}})
	}
}
