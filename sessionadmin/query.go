package sessionadmin

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// most are listed. More are only counted.
const (
	most     = 1000
	perPage  = 50
	maxPages = most / perPage
)

// complaint is what is wrong with a query, as a sentence for the page.
type complaint string

func (c complaint) Error() string { return string(c) }

func complaintf(format string, args ...any) error { return complaint(fmt.Sprintf(format, args...)) }

// target reads the sessions that a query names. It refuses what it does not know: a misspelled filter would end more
// sessions than were meant. Actions are named in the query, too, and not in the form's fields: in those, browsers
// change line breaks, which a user's name may have.
func target(raw string, now time.Time, known ...string) (t Target, page int, err error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return t, 0, complaint("The address is not valid: write the names and values of its query in percent-encoding.")
	}
	for name, list := range values {
		if !slices.Contains(known, name) {
			return t, 0, complaintf("There is no parameter %q here: take one of %s.", cut(name), strings.Join(known, ", "))
		}
		if len(list) > 1 {
			return t, 0, complaintf("The parameter %q is there twice.", name)
		}
	}
	t.User = values.Get("user")
	if len(t.User) > driver.MaxSubject {
		return t, 0, complaintf("A user has at most %d bytes, and this one has %d.", driver.MaxSubject, len(t.User))
	}
	if t.ID, err = id(values.Get("id")); err == nil {
		t.Except, err = id(values.Get("except"))
	}
	if err == nil {
		t.Before, err = before(values.Get("before"), now)
	}
	if page = 1; err == nil && values.Get("page") != "" {
		page, err = strconv.Atoi(values.Get("page"))
		if err != nil || page < 1 || page > maxPages {
			err = complaintf("A page is a number from 1 to %d. Choose a user or a time, if the list is longer.", maxPages)
		}
	}
	return t, page, err
}

func id(text string) (core.ID, error) {
	if text == "" {
		return core.ID{}, nil
	}
	id, err := core.ParseID(strings.TrimSpace(text))
	if err != nil {
		return id, complaint("This is no ID of a session: it has 64 digits, 0 to 9 and a to f, of which the first 8 are enough to look at it. The log has it under \"session\".")
	}
	return id, nil
}

// isStart reports whether text may be how an ID begins, as lists show it.
func isStart(text string) bool {
	return len(text) >= 8 && len(text) < 64 && strings.Trim(text, "0123456789abcdef") == ""
}

// before reads a time. One in the future would end sessions that nobody has looked at.
func before(text string, now time.Time) (t time.Time, err error) {
	switch text = strings.TrimSpace(text); text {
	case "":
		return t, nil
	case "now":
		return now.UTC(), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err = time.Parse(layout, text); err == nil {
			break
		}
	}
	switch {
	case err != nil || t.Year() < 1970:
		return t, complaint("This is no time: write it as 2026-01-02T15:04:05Z, or now.")
	case t.After(now.Add(time.Minute)):
		return t, complaint("This time is in the future. To end all sessions, take now.")
	}
	return t.UTC(), nil
}

// query is the inverse of target.
func (t Target) query() string {
	q := url.Values{}
	if !t.ID.IsZero() {
		q.Set("id", t.ID.String())
	}
	if t.User != "" {
		q.Set("user", t.User)
	}
	if !t.Except.IsZero() {
		q.Set("except", t.Except.String())
	}
	if !t.Before.IsZero() {
		q.Set("before", t.Before.Format(time.RFC3339Nano))
	}
	return q.Encode()
}

// action is the name of what the revoke page does with t.
func (t Target) action() (name string, err error) {
	switch one, user, except, before := !t.ID.IsZero(), t.User != "", !t.Except.IsZero(), !t.Before.IsZero(); {
	case one && !user && !except && !before:
		return "revoke", nil
	case user && !one && !except && !before:
		return "revoke_user", nil
	case user && !one && !before:
		return "revoke_others", nil
	case user && !one && !except:
		return "revoke_user_before", nil
	case before && !one && !except:
		return "revoke_all_before", nil
	}
	return "", complaint("Say which sessions: id, or user, or user and except, or before, or user and before.")
}
