package core

import (
	"slices"
	"strings"
)

// An op is one thing that a request did to its session. Ops are kept, and not only
// their result, so that they can be done again to what another request stored meanwhile.
type op struct {
	kind   byte
	mode   byte       // opExpiry
	micros int64      // opExpiry; opLogin, opAuth: the time
	key    string     // opLogin: the subject
	value  []byte     // opSet
	update updateFunc // opUpdate
	taken  *[]entry   // opTake: what was found
}

const (
	opSet byte = iota
	opUpdate
	opDelete
	opClear
	opExpiry
	opLogin
	opAuth
	opTake
)

// updateFunc computes a key's new encoded value from the old one.
type updateFunc func(codec Codec, old []byte, present bool) ([]byte, error)

// Keys that begin with reserved are the session's own: flash messages and the like.
const reserved = "\x00"

// apply does o to st.
func (st *state) apply(o *op) error {
	switch o.kind {
	case opSet:
		st.set(o.key, o.value)
	case opUpdate:
		old, present := st.find(o.key)
		value, err := o.update(st.codec, old, present)
		if err != nil {
			return err
		}
		st.set(o.key, value)
	case opDelete:
		st.remove(o.key)
	case opClear:
		st.packed, st.changes = nil, nil
	case opExpiry:
		st.expiry = expiry{o.mode, o.micros}
	case opLogin:
		st.login(o)
	case opAuth:
		st.auth = o.micros
	case opTake:
		*o.taken = nil
		for _, e := range st.all() {
			if isFlash(e) {
				*o.taken = append(*o.taken, e)
				st.remove(e.key)
			}
		}
	}
	return nil
}

// login keeps what the visitor gathered before signing in, messages included, and drops what
// belonged to another user. A lifetime of its own stays with the user for whom it was set.
func (st *state) login(o *op) {
	if st.subject != o.key {
		st.expiry = expiry{}
	}
	if st.subject != "" && st.subject != o.key {
		st.packed, st.changes = nil, nil
	}
	st.remove(testKey)
	st.subject, st.auth, st.created = o.key, o.micros, o.micros
}

// dropFlashes removes all messages.
func (st *state) dropFlashes() (dropped bool) {
	for _, e := range st.all() {
		if isFlash(e) {
			st.remove(e.key)
			dropped = true
		}
	}
	return dropped
}

// replay does ops to st, in order.
func (st *state) replay(ops []op) error {
	for i := range ops {
		if err := st.apply(&ops[i]); err != nil {
			return err
		}
	}
	return nil
}

// record appends o to ops, without those before it that it makes pointless. The first
// fixed ops are being saved just now and stay.
func record(ops []op, fixed int, o op) []op {
	if o.kind == opSet || o.kind == opDelete {
		for i := len(ops) - 1; i >= fixed; i-- {
			if k := ops[i].kind; k == opClear || k == opLogin {
				break
			}
			if ops[i].key == o.key && ops[i].kind <= opDelete {
				ops = append(ops[:i:i], ops[i+1:]...)
			}
		}
	}
	return append(ops, o)
}

// countsTwice reports whether o must not be done to a session that may hold its effect, or have held it: a message
// that was shown would come back.
func countsTwice(o op) bool {
	return o.kind == opUpdate || o.kind == opSet && strings.HasPrefix(o.key, flashKey)
}

func has(ops []op, kind byte) bool {
	return slices.ContainsFunc(ops, func(o op) bool { return o.kind == kind })
}
