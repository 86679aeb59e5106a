package core

import (
	"bytes"
	"slices"
	"time"
)

// An op is one thing that a request did to its session. Ops are kept beside their result, so that they can be applied
// again to what another request stored meanwhile.
type op struct {
	kind byte
	mode byte // opExpiry
	// opExpiry; opLogin, opAuth: the time; opFlash: that in nanoseconds; opUpdate: how long a replay may take
	micros int64
	key    []byte     // opLogin: the subject. Core's own memory, and never written to, like value
	value  []byte     // opSet, opFlash; opLogin: the device
	update updateFunc // opUpdate
	take   *taking    // opTake
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
	opFlash
)

// updateFunc computes a key's new entry from the old encoded value.
type updateFunc func(codec Codec, key string, old []byte, present bool) (entry, error)

// Keys that begin with reserved are for core's own values, such as flash messages.
const reserved = "\x00"

// apply does o to st.
func (st *state) apply(o *op) error {
	switch o.kind {
	case opSet:
		st.set(o.key, o.value)
	case opUpdate:
		old, present := st.find(string(o.key))
		e, err := replay(o.update, st.codec, string(o.key), old, present, time.Duration(o.micros)*time.Microsecond)
		if err != nil {
			return err
		}
		st.set(e.key, e.value)
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
	case opFlash:
		st.addFlash(o.micros, o.value)
	case opTake:
		o.take.taken = nil
		for _, e := range st.all() {
			if o.take.wants(e) {
				o.take.taken = append(o.take.taken, e)
				st.remove(e.key)
			}
		}
	}
	return nil
}

// login keeps what the visitor gathered before signing in, messages included, and drops what belonged to another
// user. A lifetime that was set for one session stays only with the user for whom it was set.
func (st *state) login(o *op) {
	if subject := string(o.key); st.subject != subject {
		st.expiry = expiry{}
		if st.subject != "" {
			st.packed, st.changes = nil, nil
		}
		st.subject = subject
	}
	st.remove(testKey)
	st.auth, st.created, st.device = o.micros, o.micros, string(o.value)
}

// replay applies ops to st, in order.
func (st *state) replay(ops []op) error {
	for i := range ops {
		if err := st.apply(&ops[i]); err != nil {
			return err
		}
	}
	return nil
}

// record appends o to ops, and drops earlier ops that o makes pointless. The first fixed ops are being saved just now
// and stay.
func record(ops []op, fixed int, o op) []op {
	if o.kind == opSet || o.kind == opDelete || o.kind == opClear {
		for i := len(ops) - 1; i >= fixed; i-- {
			if k := ops[i].kind; k == opClear || k == opLogin {
				break
			}
			if ops[i].kind <= opDelete && (o.kind == opClear || bytes.Equal(ops[i].key, o.key)) {
				ops = append(ops[:i:i], ops[i+1:]...)
			}
		}
	}
	return append(ops, o)
}

// countsTwice reports whether o must not be applied to a session that may hold, or have held, its effect. A message
// that was shown would come back. A Login would take its own end of the session for that of another request.
func countsTwice(o op) bool {
	return o.kind == opUpdate || o.kind == opFlash || o.kind == opLogin
}

func hasPrefix(key []byte, prefix string) bool {
	return len(key) >= len(prefix) && string(key[:len(prefix)]) == prefix
}

func has(ops []op, kind byte) bool {
	return slices.ContainsFunc(ops, func(o op) bool { return o.kind == kind })
}
