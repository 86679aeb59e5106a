package linear

import (
	"encoding/json"
	"os"
)

// history is what the clients of one run saw. Sessions, tokens and subjects are numbered from 1 in the order in which they
// were seen; 0 is none.
type history struct {
	Store string `json:"store"`
	Seed  uint64 `json:"seed"`

	Reads reads `json:"reads,omitempty"`

	Faults []string `json:"faults,omitempty"`
	Ops    []op     `json:"ops"`
}

// reads is what the store's documentation promises of a Load.
type reads string

const (
	readsExact reads = "" // the state of a moment while it ran

	// readsAcknowledged: no older than what was acknowledged when it began. Of a write that was under way, one Load may
	// see the effect, and a later one not yet.
	readsAcknowledged reads = "acknowledged"

	readsStale reads = "stale" // an older state: it is not judged
)

type kind string

const (
	kindLoad          kind = "load"          // x.Session
	kindSet           kind = "set"           // a value under a key
	kindAdd           kind = "add"           // one to the counter
	kindRotate        kind = "rotate"        // RotateID
	kindLogin         kind = "login"         // Login
	kindLogout        kind = "logout"        // Logout
	kindRevoke        kind = "revoke"        // Manager.Revoke of Session
	kindRevokeSubject kind = "revokeSubject" // Manager.RevokeSubject
	kindForget        kind = "forget"        // the storage was killed and keeps nothing

	// What expand makes of others.
	kindOver   kind = "over"   // none of Revoked is alive
	kindBegin  kind = "begin"  // a session begins, and nothing else happens
	kindMayEnd kind = "mayEnd" // Session ends, or not
)

// found is what the load of a request has found its token to be.
type found string

const (
	foundLive  found = "live"
	foundLate  found = "late"
	foundNone  found = "none"
	foundOther found = "other" // a session that the token is not of: never right
)

// values is what a request sees of a session.
type values struct {
	Subject int    `json:"subject,omitempty"`
	Count   int    `json:"count"`
	Keys    [2]int `json:"keys"`
}

// op is one step of a request: its load, or what it did. Call and Return are unique times in nanoseconds.
type op struct {
	Client  int   `json:"client"`
	Request int   `json:"request"`
	Kind    kind  `json:"kind"`
	Call    int64 `json:"call"`
	Return  int64 `json:"return"`

	Session int     `json:"session,omitempty"` // that the presented token is of, or the one to revoke
	Token   int     `json:"token,omitempty"`   // presented
	Found   found   `json:"found,omitempty"`
	Loaded  *values `json:"loaded,omitempty"` // what the request's load saw
	Key     int     `json:"key,omitempty"`
	Value   int     `json:"value,omitempty"`
	Subject int     `json:"subject,omitempty"`

	Unknown    bool    `json:"unknown,omitempty"` // an error that leaves open whether and when it takes effect
	Trouble    bool    `json:"trouble,omitempty"` // it was acknowledged after a call of the store had no answer
	Ended      bool    `json:"ended,omitempty"`   // ErrEnded
	Broken     string  `json:"broken,omitempty"`  // an error that is never right
	Error      string  `json:"error,omitempty"`
	Saw        *values `json:"saw,omitempty"` // of a load, what there was; of a write, what it left behind
	Begun      int     `json:"begun,omitempty"`
	Issued     int     `json:"issued,omitempty"`     // the token in the response
	Deleted    bool    `json:"deleted,omitempty"`    // the response deletes the cookie
	Incomplete bool    `json:"incomplete,omitempty"` // ErrIncomplete: it may have missed sessions
	Revoked    []int   `json:"revoked,omitempty"`    // by RevokeSubject, in this order; of unknown outcome, Session may be, too

	RevokedAt []int64 `json:"revokedAt,omitempty"` // when each was known to be
	Before    int     `json:"-"`                   // adds of unknown outcome to the same session that came before
}

func (h *history) write(path string) error {
	data, err := json.MarshalIndent(h, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

func readHistory(path string) (*history, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	h := new(history)
	return h, json.Unmarshal(data, h)
}
