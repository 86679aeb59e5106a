package storetest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// sentinels are the errors of the contract, with the names under which the rules speak of them.
var sentinels = []struct {
	err  error
	name string
}{
	{driver.ErrNotFound, "driver.ErrNotFound"},
	{driver.ErrExists, "driver.ErrExists"},
	{driver.ErrConflict, "driver.ErrConflict"},
	{driver.ErrTooLarge, "driver.ErrTooLarge"},
	{driver.ErrCorrupt, "driver.ErrCorrupt"},
	{driver.ErrUnavailable, "driver.ErrUnavailable"},
	{driver.ErrUnreadable, "driver.ErrUnreadable"},
	{driver.ErrIncomplete, "driver.ErrIncomplete"},
	{driver.ErrLimit, "driver.ErrLimit"},
}

// sentinelsOf returns the names of those that err matches.
func sentinelsOf(err error) (names []string) {
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			names = append(names, s.name)
		}
	}
	return names
}

// errorText returns the text of err, and what it matches.
func errorText(err error) string {
	if err == nil {
		return "nil"
	}
	names := sentinelsOf(err)
	if names == nil {
		return fmt.Sprintf("%q (no error of package driver)", err)
	}
	return fmt.Sprintf("%q (%s)", err, strings.Join(names, " and "))
}
