package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// failed returns the error of a flag whose store could not be opened. It says what to write instead, or that no server
// answers.
func failed(flag, name string, err error) error {
	what, forms := "store", storeForms
	if flag == "-cache" {
		what, forms = "cache", cacheForms
	}
	name = hidden(name)
	var dial *net.OpError
	var broken *url.Error
	switch {
	case errors.Is(err, errForm):
		return fmt.Errorf("%s %q: no such %s; there are:\n%s", flag, name, what, forms)
	case errors.As(err, &broken):
		return fmt.Errorf("%s %q: %w; there are:\n%s", flag, name, broken.Err, forms) // the text of broken has the whole URL
	case errors.As(err, &dial) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, driver.ErrBadConn):
		return fmt.Errorf("%s %q: no server answers there; is it running? %w", flag, name, err)
	}
	return fmt.Errorf("%s %q: %w", flag, name, err)
}

// hidden returns a URL without its password, since people paste errors into chats.
func hidden(name string) string {
	scheme, rest, _ := strings.Cut(name, "://")
	at := strings.LastIndex(rest, "@")
	if at < 0 {
		return name
	}
	user, _, secret := strings.Cut(rest[:at], ":")
	if !secret {
		return name
	}
	return scheme + "://" + user + ":xxxxx" + rest[at:]
}
