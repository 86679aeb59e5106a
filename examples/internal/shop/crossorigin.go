package shop

import "net/http"

var crossOrigin = http.NewCrossOriginProtection()

// CheckOrigin is http.CrossOriginProtection for frameworks that do not use net/http. It refuses requests that another
// site made the user's browser send. SameSite=Lax of the session cookie stops most of them, but not a form on a sibling
// domain.
func CheckOrigin(method, host, secFetchSite, origin string) error {
	return crossOrigin.Check(&http.Request{
		Method: method, Host: host,
		Header: http.Header{"Sec-Fetch-Site": {secFetchSite}, "Origin": {origin}},
	})
}
