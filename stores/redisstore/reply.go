package redisstore

import (
	"errors"
	"strings"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// errOddReply is the error of a reply that Redis never gives to the command. It comes from something faulty between us
// and Redis, and says nothing about the record.
var errOddReply = errors.New("a reply of a kind that this command does not have: is there a faulty proxy before Redis?")

func oddReply(op string) error { return driver.Unavailable(op, errOddReply) }

// checkKind returns the error of a call whose reply is never nil. ok says that the reply is of the right kind.
func checkKind(op string, err error, ok bool) error {
	if rueidis.IsRedisNil(err) || err == nil && !ok {
		return oddReply(op)
	}
	return err
}

// isOK checks the reply to SET. With NX, the reply may be nil: then the error stays rueidis.Nil.
func isOK(op string, msg *rueidis.RedisMessage, err error) error {
	if err == nil && !isText(msg, "OK") {
		return oddReply(op)
	}
	return err
}

func isText(msg *rueidis.RedisMessage, want string) bool {
	text, err := msg.ToString()
	return err == nil && msg.IsString() && text == want
}

// isStatus reports whether a reply is a status, like the reply to SET, and not a string value.
func isStatus(msg *rueidis.RedisMessage) bool {
	return strings.HasSuffix(msg.String(), `"Type":"simple string"}`)
}

// listOf reads a reply that is a list of strings.
func listOf(op string, msg *rueidis.RedisMessage, err error) ([]string, error) {
	if err = checkKind(op, err, msg.IsArray()); err != nil {
		return nil, err
	}
	values, _ := msg.ToArray()
	list := make([]string, len(values))
	for i := range values {
		if !values[i].IsString() {
			return nil, oddReply(op)
		}
		list[i], _ = values[i].ToString()
	}
	return list, nil
}

// outcome turns the reply of a script on a record into an error.
func outcome(op string, msg *rueidis.RedisMessage, err error) error {
	if err = checkKind(op, err, msg.IsInt64()); err != nil {
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
	case needsRead:
		return errNeedsRead
	case corrupt:
		return errCorrupt
	case newer:
		return errNewer
	}
	return oddReply(op)
}

// errNeedsRead is the error of the reply needsRead. It does not leave the package.
var errNeedsRead = errors.New("redisstore: a script needs the record to be read first")

// afterRead returns the outcome after the record was read. If the script replies needsRead again, the record differs
// from what was read, so it is damaged.
func afterRead(err error) error {
	if err == errNeedsRead {
		return errCorrupt
	}
	return err
}

var errUnknownOutcome = errors.New("the connection was lost, and the write may have succeeded")

// withDoubt returns the outcome of a call. If unsure, an earlier attempt may have run: then what the call found may be
// its own write, or somebody's write after that.
func withDoubt(op string, unsure bool, err error) error {
	if unsure && (err == errNotFound || err == errConflict || err == errExists) {
		return driver.Unavailable(op, errUnknownOutcome)
	}
	return err
}
