package core

import (
	"net/http"
	"strings"
)

// othersHeaders have a meaning for browsers, proxies, servers or frameworks. These read, change, cache or log them,
// or do not let scripts set them. A * stands for any ending. Sources: the IANA registry of HTTP field names, the
// Fetch standard's forbidden header names, and what proxies are known to add.
const othersHeaders = `
	Accept Accept-* Access-Control-* Age Allow Alt-Svc Alt-Used Authentication-* Authorization
	Cache-* Cdn-* Cf-* Clear-Site-Data Connection Content-* Cookie Cookie2 Cross-Origin-*
	Date Digest Dnt Early-Data Etag Expect Expect-Ct Expires Forwarded From Host Http2-Settings
	Idempotency-Key If-* Keep-Alive Last-Event-Id Last-Modified Link Location Max-Forwards Nel Origin Origin-*
	P3p Permissions-Policy Pragma Priority Proxy-* Public-Key-Pins Purpose Range Referer Referrer-Policy Refresh
	Report-To Reporting-Endpoints Retry-After Save-Data Sec-* Server Server-Timing Service-Worker* Set-Cookie Set-Cookie2
	Signature Signature-Input Sourcemap Strict-Transport-Security Surrogate-* Te Timing-Allow-Origin Traceparent Tracestate
	Trailer Transfer-Encoding True-Client-Ip Upgrade Upgrade-* User-Agent Vary Via Want-* Warning Www-Authenticate
	X-Accel-* X-Amz-* X-Cache X-Cache-* X-Client-Ip X-Cluster-Client-Ip X-Content-Type-Options X-Correlation-Id
	X-Dns-Prefetch-Control X-Forwarded X-Forwarded-* X-Frame-Options X-Http-Method X-Http-Method-Override X-Method-Override
	X-Original-* X-Permitted-Cross-Domain-Policies X-Powered-By X-Real-Ip X-Request-Id X-Requested-With X-Rewrite-Url
	X-Robots-Tag X-Sendfile X-Ua-Compatible X-Xss-Protection`

// validHeader reports whether name, in its canonical form, may be one of Config.Sources.
func validHeader(name string) bool {
	for other := range strings.FieldsSeq(othersHeaders) {
		if start, many := strings.CutSuffix(other, "*"); name == other || many && strings.HasPrefix(name, start) {
			return false
		}
	}
	// The same characters are allowed in a cookie's name and in a header's (both are tokens of RFC 9110).
	return (&http.Cookie{Name: name, Value: "x"}).Valid() == nil
}
