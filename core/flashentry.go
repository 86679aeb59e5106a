package core

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// Messages as entries of a session: ops and state treat them as such. The methods of Session for messages are in
// flash.go.

// Each message is a value of its own, so that overlapping requests can each add some. Their keys rise with time: 8
// bytes of nanoseconds in hexadecimal.
const flashKey = reserved + "flash."

// addFlash adds a message of that time, or of the next time that no message has. After a conflict, a request that is
// applied again may find messages of the same time, which were stored before.
func (st *state) addFlash(nanos int64, value []byte) {
	key := flashAt(nanos)
	for _, taken := st.find(string(key)); taken; _, taken = st.find(string(key)) {
		nanos++
		key = flashAt(nanos)
	}
	st.set(key, value)
}

func flashAt(nanos int64) []byte {
	return hex.AppendEncode([]byte(flashKey), binary.BigEndian.AppendUint64(nil, uint64(nanos)))
}

// lastFlash is the time of the last message, removed ones included. New messages come after it, since a clock may
// stand still, or go back.
func (st *state) lastFlash() int64 {
	var last []byte
	if i, _ := search(st.changes, flashKey+"~"); i > 0 && hasPrefix(st.changes[i-1].key, flashKey) {
		last = st.changes[i-1].key
	}
	r := reader{data: st.packed, ok: true}
	for range r.len() {
		if key := r.take(r.len()); hasPrefix(key, flashKey) && bytes.Compare(key, last) > 0 {
			last = key
		}
		r.take(r.len())
	}
	if len(last) != len(flashKey)+16 {
		return 0 // there is none
	}
	name, err := hex.DecodeString(string(last[len(flashKey):]))
	if err != nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(name))
}

// taking is what opTake is to take, and what it has taken.
type taking struct {
	levels []string // all if empty
	taken  []entry
}

func (t *taking) wants(e entry) bool {
	if !isFlash(e) || len(t.levels) == 0 {
		return isFlash(e)
	}
	f, ok := readFlash(e)
	return ok && slices.Contains(t.levels, f.Level)
}

func isFlash(e entry) bool { return hasPrefix(e.key, flashKey) }

func readFlash(e entry) (f Flash, ok bool) {
	return f, isFlash(e) && (JSON{}).Decode(e.value, &f) == nil
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
