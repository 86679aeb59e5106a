package shop

import "net/http"

var crossOrigin = http.NewCrossOriginProtection()

// CheckOrigin is http.CrossOriginProtection for frameworks that are not on net/http: it
// refuses what another site made the user's browser send. The session cookie is SameSite=Lax,
// which stops most of that, but not a form on a sister domain.
func CheckOrigin(method, host, secFetchSite, origin string) error {
	return crossOrigin.Check(&http.Request{
		Method: method, Host: host,
		Header: http.Header{"Sec-Fetch-Site": {secFetchSite}, "Origin": {origin}},
	})
}
