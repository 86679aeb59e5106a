package ownstore

import (
	"context"
	"os"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func init() { driver.Register("ownstore", openURL) }

// openURL opens "ownstore:PATH". Check refuses an option that nobody has asked for.
func openURL(_ context.Context, u *driver.URL) (driver.Backend, error) {
	path, err := u.Path()
	if err == nil {
		err = u.Check()
	}
	if err == nil && !u.Create { // the option create=false
		_, err = os.Stat(path)
	}
	if err != nil {
		return nil, err
	}
	return New(path, Config{})
}
