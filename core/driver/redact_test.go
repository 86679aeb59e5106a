package driver_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// No error tells the password, also not by what is masked: whatever the password is, the text is the same. What is ours
// is not touched.
func TestErrorsDoNotDependOnThePassword(t *testing.T) {
	texts := map[string]string{ // what a client library says of the password P, and what Open makes of it
		"failed to connect to `user=postgres database=postgres`: 127.0.0.1:5432: refused": "failed to connect to `...`: 127.0.0.1:5432: refused",
		"cannot parse `postgres://postgres:P@host/postgres`: no such option":              "cannot parse `...`: no such option",
		`parse "redis://:P@host/0": invalid port`:                                         `parse "...": invalid port`,
		`FATAL: password authentication failed for user "postgres"`:                       `FATAL: password authentication failed for user "postgres"`,
		"dial postgres:P@tcp(host)/postgres":                                              "dial postgres:xxxxx@tcp(host)/postgres",
		"bad: user=postgres password=P":                                                   "bad: user=postgres password=xxxxx",
		"check USER and PASSWORD: redis://USER:PASSWORD@HOST":                             "check USER and PASSWORD: redis://USER:PASSWORD@HOST",
		`a "quoted" word of redis://HOST and "another"`:                                   `a "quoted" word of redis://HOST and "another"`,
	}
	says := ""
	driver.Register("says", func(context.Context, *driver.URL) (driver.Backend, error) { return nil, errors.New(says) })
	for _, password := range []string{"postgres", "mysql", "b", "redis", "host", "xxxxx", "xx", "5432", "password", "h@sh/hush `\"? 1", "with  blanks\tin it", "\xff"} {
		escaped := url.PathEscape(password)
		for text, want := range texts {
			says = strings.ReplaceAll(text, ":P@", ":"+password+"@")
			says = strings.ReplaceAll(says, "=P", "="+password)
			_, err := driver.Open(t.Context(), "says://postgres:"+escaped+"@host/postgres")
			if want := "coatcheck: open the store says://postgres:xxxxx@host/postgres: " + want; err == nil || err.Error() != want {
				t.Errorf("%q: %v, want %s", password, err, want)
			}
		}
		_, err := driver.Open(t.Context(), "mysql://root:"+escaped+"@localhost/x")
		if want := "coatcheck: open the store mysql://root:xxxxx@localhost/x: nothing is registered for the scheme mysql: call gormstore.Register(mysql.Open), with gorm.io/driver/mysql and github.com/coatcheck-go/coatcheck/stores/gormstore"; err == nil || err.Error() != want {
			t.Errorf("%q: %v", password, err)
		}
	}
}

// A password that cannot be taken for a word of the text is masked wherever it stands, and so is that of an option.
func TestErrorsShowNoPassword(t *testing.T) {
	says := ""
	driver.Register("tells", func(_ context.Context, u *driver.URL) (driver.Backend, error) {
		u.Others()
		return nil, errors.New(says)
	})
	for password, shown := range map[string]bool{
		"hush1": false, "h@sh/hush?": false, "kjhasdqwoeiuzxcmn": false, "20240131": false, "two  words": false,
		"hush": true, "host1": true, // the second is a part of the URL, and the mask would tell
	} {
		for _, form := range []string{password, url.QueryEscape(password), url.PathEscape(password)} {
			says = fmt.Sprintf("token %s refused", form)
			_, err := driver.Open(t.Context(), "tells://u:"+url.PathEscape(password)+"@host1/n")
			if shown != strings.Contains(err.Error(), strings.Join(strings.Fields(form), " ")) || strings.Contains(err.Error(), "token xxxxx") == shown {
				t.Errorf("%q: %v", form, err)
			}
		}
	}
	says = "a password alone is redis://:PASSWORD@HOST" // what everybody may know is no secret
	if _, err := driver.Open(t.Context(), "tells://:PASSWORD@host"); !strings.HasSuffix(err.Error(), says) {
		t.Error(err)
	}
	for option, said := range map[string]string{
		"_auth_pass=hush": "_auth_pass=hush", "sslpassword=hush": "`host=h sslpassword=hush`", "x=x%3A%2F%2Fu%3Ahush%40h": "dial u:hush@h",
	} {
		says = "cannot use " + said
		if _, err := driver.Open(t.Context(), "tells:a?"+option); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", option, err)
		}
	}
}
