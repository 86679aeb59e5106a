package adopt

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

const defaultMaxSize = 64 << 10

// cookieOf returns what the deletion of the old cookie needs. A value is of no use there.
func cookieOf(c http.Cookie) (http.Cookie, error) {
	if c.Path == "" {
		c.Path = "/"
	}
	c = http.Cookie{Name: c.Name, Path: c.Path, Domain: c.Domain, Secure: c.Secure, Partitioned: c.Partitioned, SameSite: c.SameSite}
	if c.Name == "" {
		return c, wrong("Cookie.Name", "is not set")
	}
	if !c.Secure && (strings.HasPrefix(c.Name, "__Host-") || strings.HasPrefix(c.Name, "__Secure-")) {
		return c, wrong("Cookie.Secure", "is false: a browser ignores the deletion of %s without it", c.Name)
	}
	probe := c
	probe.Value, probe.Secure = "x", true // a partitioned cookie must be secure, or Valid refuses it
	if err := probe.Valid(); err != nil {
		return c, wrong("Cookie", "is not valid: %w", err)
	}
	return c, nil
}

// sizeOf returns the bound for what is decoded.
func sizeOf(n int) (int, error) {
	if n < 0 {
		return 0, wrong("MaxSize", "is %d bytes: a positive number, or 0 for %d", n, defaultMaxSize)
	}
	if n == 0 {
		n = defaultMaxSize
	}
	return n, nil
}

// clockOf returns the clock, and refuses a store that is no store.
func clockOf(store driver.Store, now func() time.Time) (func() time.Time, error) {
	if store == nil {
		return nil, wrong("TakenIn", "is not set: it keeps which sessions were taken over, so that none comes back after a Logout; the store of core.Config will do")
	}
	if isNil(store) {
		return nil, wrong("TakenIn", "is a nil %T: make one with its package's New, and look at the error", store)
	}
	if now == nil {
		now = time.Now
	}
	return now, nil
}

// wrong is the error of a setting. NewGorilla and NewSCS add whose it is.
func wrong(field, format string, args ...any) error { return fmt.Errorf(field+" "+format, args...) }

// isNil reports whether part is a pointer that is nil.
func isNil(part any) bool {
	v := reflect.ValueOf(part)
	return v.Kind() == reflect.Pointer && v.IsNil()
}
