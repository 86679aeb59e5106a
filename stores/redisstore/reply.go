package redisstore

import (
	"errors"
	"strings"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// errOdd is a reply that the command never has. It comes from something between us and Redis that is out of
// order, and says nothing about the record.
var errOdd = errors.New("a reply of a kind that this command does not have: is there a proxy before Redis?")

func odd(what string) error { return driver.Unavailable(what, errOdd) }

// fits is the error of a call whose reply is never nil, and of the right kind if ok.
func fits(what string, err error, ok bool) error {
	if rueidis.IsRedisNil(err) || err == nil && !ok {
		return odd(what)
	}
	return err
}

// isOK takes the reply to SET. Nil is one, with NX.
func isOK(what string, msg *rueidis.RedisMessage, err error) error {
	if err == nil && !isText(msg, "OK") {
		return odd(what)
	}
	return err
}

func isText(msg *rueidis.RedisMessage, want string) bool {
	text, err := msg.ToString()
	return err == nil && msg.IsString() && text == want
}

// isStatus reports whether a string is a status, as the reply to SET is, and not a value.
func isStatus(msg *rueidis.RedisMessage) bool {
	return strings.HasSuffix(msg.String(), `"Type":"simple string"}`)
}

// listOf takes a reply that is a list of strings.
func listOf(what string, msg *rueidis.RedisMessage, err error) ([]string, error) {
	if err = fits(what, err, msg.IsArray()); err != nil {
		return nil, err
	}
	values, _ := msg.ToArray()
	list := make([]string, len(values))
	for i := range values {
		if !values[i].IsString() {
			return nil, odd(what)
		}
		list[i], _ = values[i].ToString()
	}
	return list, nil
}

// outcome takes what a script on a record answered.
func outcome(what string, msg *rueidis.RedisMessage, err error) error {
	if err = fits(what, err, msg.IsInt64()); err != nil {
		return err
	}
	code, _ := msg.ToInt64()
	switch code {
	case gone:
		return errNotFound
	case conflict:
		return errConflict
	case done:
		return nil
	case exists:
		return errExists
	case ask:
		return errAsk
	case corrupt:
		return errCorrupt
	case newer:
		return errNewer
	}
	return odd(what)
}

// errAsk is the answer ask. It does not leave the package.
var errAsk = errors.New("redisstore: a script asks to look at the record")

// asked is the outcome after an answer: a script that asks again has met a record that is not what was read.
func asked(err error) error {
	if err == errAsk {
		return errCorrupt
	}
	return err
}

var errUnsure = errors.New("the connection was lost, and the call may have had its effect")

// known is the outcome of a call that may have run before, unseen: then what it finds may be its own work, or
// somebody's after it.
func known(what string, unsure bool, err error) error {
	if unsure && (err == errNotFound || err == errConflict || err == errExists) {
		return driver.Unavailable(what, errUnsure)
	}
	return err
}
