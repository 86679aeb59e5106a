package sessionadmin

import (
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// What the pages show, and what programs get as JSON. Names of fields stay as they are.

// Overview is the first page.
type Overview struct {
	Time    time.Time `json:"time"`              // when it was made
	Store   string    `json:"store"`             // the name of the store's package
	Answers bool      `json:"answers"`           // the store answered within two seconds, or cannot tell: see Problem
	Problem string    `json:"problem,omitempty"` // what is to be said of Answers, in words

	Sessions  *int   `json:"sessions,omitempty"`  // alive, visitors included; missing if the store did not count them
	Uncounted string `json:"uncounted,omitempty"` // why it did not, in words

	Stats *Report `json:"stats,omitempty"` // missing without Config.Stats
}

// Report is what one process has observed: see [Stats.Report].
type Report struct {
	Since   time.Time `json:"since"`   // when the process made the Stats
	Total   Counts    `json:"total"`   // since then
	Minutes []Minute  `json:"minutes"` // the last hour, oldest first, at most 60; the last one is not over yet
}

// Minute is one minute of a [Report].
type Minute struct {
	Start time.Time `json:"start"` // a whole number of minutes after Report.Since
	Counts
}

// Counts is what happened in a time.
type Counts struct {
	Loads     int64 `json:"loads"`     // lookups of a session: about one for each request that came with one and used it
	Creates   int64 `json:"creates"`   // sessions begun
	Writes    int64 `json:"writes"`    // sessions stored, extended or removed in the store
	Calls     int64 `json:"calls"`     // all calls of the store: Loads, Creates and Writes, whatever came of them
	Failures  int64 `json:"failures"`  // calls of the store, and sweeps, that failed
	Logins    int64 `json:"logins"`    // sign-ins that were stored
	Ends      int64 `json:"ends"`      // sessions ended by a sign-out, by revoking them, or by Config.MaxPerSubject
	Conflicts int64 `json:"conflicts"` // changes that were applied again, since another request was faster
	Dropped   int64 `json:"dropped"`   // requests whose changes were not stored
	Unknown   int64 `json:"unknown"`   // tokens that no session belongs to: expired, ended, or guessed
	Reused    int64 `json:"reused"`    // tokens that came long after they had been replaced: copies
	Corrupt   int64 `json:"corrupt"`   // records and tokens that could not be read

	Seconds float64 `json:"seconds"` // that all Calls took together
	Slowest float64 `json:"slowest"` // the seconds of the slowest call
}

// Target names the sessions that a list or an action is about. The zero Target is all sessions.
type Target struct {
	ID     core.ID   `json:"id,omitzero"`     // one session
	User   string    `json:"user,omitempty"`  // those of a user
	Except core.ID   `json:"except,omitzero"` // the one of User that stays
	Before time.Time `json:"before,omitzero"` // those that began before
}

// List is a page of sessions, the last used first.
type List struct {
	Target
	Total    int       `json:"total"` // how many there are
	Page     int       `json:"page"`  // from 1
	Pages    int       `json:"pages"` // of 50 sessions each; at most 1,000 sessions are listed
	Sessions []Session `json:"sessions"`
	Note     string    `json:"note,omitempty"` // why there may be more sessions than Total
}

// Session is one session. A list leaves out Values.
type Session struct {
	ID       core.ID     `json:"id"`   // names it, and gives no access
	User     string      `json:"user"` // "" for a visitor who has not signed in
	Device   core.Device `json:"device,omitzero"`
	AuthTime time.Time   `json:"auth_time,omitzero"` // of the last sign-in
	Created  time.Time   `json:"created"`            // when it, or its last sign-in, began
	LastUsed time.Time   `json:"last_used"`          // to within Config.TouchInterval
	Expires  time.Time   `json:"expires"`            // unless it is used before
	Bytes    int         `json:"bytes"`              // of all keys and encoded values; without messages that wait
	Keys     int         `json:"keys"`               // how many values there are
	Own      bool        `json:"own,omitempty"`      // the operator's own, where Authorize has used that
	Values   []Value     `json:"values,omitempty"`
}

// Value is one value of a session.
type Value struct {
	Key   string `json:"key"`            // as the application named it
	Bytes int    `json:"bytes"`          // of the encoded value
	Text  string `json:"text,omitempty"` // what Config.Format has made of it
}

// Preview is what an action would end.
type Preview struct {
	Action string `json:"action"` // as in Result
	List
}

// Result is what an action has done.
type Result struct {
	Action string `json:"action"` // "revoke", "revoke_user", "revoke_others", "revoke_user_before" or "revoke_all_before"
	Target
	Ended int    `json:"ended"` // sessions; 0 where the store does not count: see Note
	Note  string `json:"note,omitempty"`
}

// Problem is the answer to a request that was not served.
type Problem struct {
	Status int    `json:"status"` // of HTTP
	Error  string `json:"error"`  // a sentence or two
}
