// Package urltest tests what stores make of their URLs.
package urltest

import (
	"context"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Options checks that the URL has an option for each field of config, but those named in code, which no text can set. url
// ends in a ? or a &.
func Options(tb testing.TB, url, prefix string, config any, code ...string) {
	tb.Helper()
	_, err := driver.Open(context.Background(), url+"no_such_option=1")
	if err == nil || !strings.Contains(err.Error(), `there is no option "no_such_option"; there are `) {
		tb.Fatalf("%s takes any option: %v", url, err)
	}
	_, text, _ := strings.Cut(err.Error(), "; there are ")
	names := strings.Split(text, ", ")
	for _, field := range reflect.VisibleFields(reflect.TypeOf(config)) {
		if name := prefix + snake(field.Name); !slices.Contains(code, field.Name) && !slices.Contains(names, name) {
			tb.Errorf("%s has no option %s for Config.%s; %s", url, name, field.Name, text)
		}
	}
}

var word = regexp.MustCompile("[A-Z]+[a-z]*")

// snake returns max_idle_conns for MaxIdleConns, and soft_ttl for SoftTTL.
func snake(name string) string {
	return strings.ToLower(strings.Join(word.FindAllString(name, -1), "_"))
}

// Open opens a URL and closes the store when the test ends.
func Open(tb testing.TB, url string) driver.Backend {
	tb.Helper()
	store, err := driver.Open(context.Background(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := driver.Close(store); err != nil {
			tb.Error(err)
		}
	})
	return store
}

// Refused checks that each URL is refused, in one line with these words. None shows "hush".
func Refused(tb testing.TB, urls map[string]string) {
	tb.Helper()
	for url, want := range urls {
		store, err := driver.Open(context.Background(), url)
		if err == nil {
			tb.Errorf("%s: opened %v", url, store.Info())
			continue
		}
		if text := err.Error(); !strings.Contains(text, want) || strings.ContainsAny(text, "\n\t") || strings.Contains(text, "hush") {
			tb.Errorf("%s: no %q in one line of %s", url, want, text)
		}
		tb.Logf("%v", err)
	}
}
