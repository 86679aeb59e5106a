package adaptertest

import "strings"

// Rules about the log.

var logRules = []rule{
	{
		name:  "an outage in the log",
		text:  "Given a store that does not answer, when many requests fail because of it, then the log has one line at the beginning of the outage, and not one for each request.",
		needs: []need{needRecords},
		run: func(e *env) {
			b := e.page(Options{}, countVisits(e)).withSession("")
			s := e.page(Options{Handle: true}, countVisits(e))
			for _, b := range []*browser{b.on(s), b.on(s).site.browser()} {
				e.fault.Before(outage)
				for range 50 {
					b.get("/").refused()
				}
				e.fault.Reset()
			}
			if n := e.logLines(); n > 1 {
				e.Errorf("%d lines above debug for 100 requests: %.2000s", n, e.log.String())
			}
			if n := strings.Count(e.log.String(), "the store fails"); n != 1 {
				e.Errorf("%d lines for the outage", n)
			}
		},
	},
	{
		name: "a Secure cookie over plain http",
		text: "Given a host that is not local and a client without TLS, when the response sets a Secure cookie, then the log names the setting, once; it does not if a proxy's header says that the client used TLS.",
		run: func(e *env) {
			s := e.page(Options{}, countVisits(e))
			for _, header := range [][]string{{"Host: shop.example", "X-Forwarded-Proto: https"}, {"Host: localhost"}} {
				s.dial().get("/", header...).is(200, "visit 1").setsCookie()
			}
			e.checkLog("a proxy, and this host", 0, 0)
			for range 2 {
				s.dial().get("/", "Host: shop.example").is(200, "visit 1").setsCookie()
			}
			if n := strings.Count(e.log.String(), "Config.Cookie.Insecure"); n != 1 {
				e.Errorf("%d warnings: %s", n, e.log.String())
			}
		},
	},
}
