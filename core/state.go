package core

import (
	"bytes"
	"slices"
)

// state is what a session holds: the entries as they were read, and the changes on top of them. What nobody asks for
// is never decoded, and a change copies only itself.
type state struct {
	header
	packed  []byte  // the number of entries and the entries, as in an envelope that parse found good; nil: none
	changes []entry // sorted by key; one without a value is a removal
}

// entry is one key with its encoded value. Neither is ever written to.
type entry struct {
	key   []byte
	value []byte
}

// find returns the encoded value under key.
func (st *state) find(key string) ([]byte, bool) {
	if i, ok := search(st.changes, key); ok {
		value := st.changes[i].value
		return value, value != nil
	}
	r := reader{data: st.packed, ok: true}
	for range r.len() {
		k := r.take(r.len())
		v := r.take(r.len())
		if string(k) == key {
			return v, true
		}
	}
	return nil, false
}

// search finds key, or the place where it would stand. Package slices would need a copy of key.
func search[K string | []byte](entries []entry, key K) (int, bool) {
	from, to := 0, len(entries)
	for from < to {
		mid := int(uint(from+to) / 2)
		if string(entries[mid].key) < string(key) {
			from = mid + 1
		} else {
			to = mid
		}
	}
	return from, from < len(entries) && string(entries[from].key) == string(key)
}

func (st *state) set(key, value []byte) {
	if value == nil {
		value = []byte{} // an empty value is no removal
	}
	st.change(key, value)
}

func (st *state) remove(key []byte) {
	if _, ok := st.find(string(key)); ok {
		st.change(key, nil)
	}
}

func (st *state) change(key, value []byte) {
	i, ok := search(st.changes, key)
	if ok {
		st.changes[i].value = value
		return
	}
	st.changes = slices.Insert(st.changes, i, entry{key, value})
}

// all returns what there is, sorted by key.
func (st *state) all() []entry {
	r := reader{data: st.packed, ok: true}
	list := make([]entry, r.len())
	for i := range list {
		list[i].key = r.take(r.len())
		list[i].value = r.take(r.len())
	}
	for _, c := range st.changes {
		i, ok := search(list, c.key)
		switch {
		case !ok && c.value != nil:
			list = slices.Insert(list, i, c)
		case ok && c.value != nil:
			list[i] = c
		case ok:
			list = slices.Delete(list, i, i+1)
		}
	}
	return list
}

// empty reports whether there is nothing that is worth a record.
func (st *state) empty() bool {
	if st.subject != "" {
		return false
	}
	for _, c := range st.changes {
		if c.value != nil {
			return false
		}
	}
	return len(st.all()) == 0
}

func (st *state) clone() state {
	return state{header: st.header, packed: st.packed, changes: slices.Clone(st.changes)}
}

// splice is the part of packed that a change replaces; empty if the key is not there.
type splice struct{ from, to int }

// splices appends to dst one splice for each change, in their order.
func (st *state) splices(dst []splice) []splice {
	r := reader{data: st.packed, ok: true}
	r.len()
	for _, c := range st.changes {
		at := splice{r.pos, r.pos}
		for r.pos < len(st.packed) {
			from := r.pos
			key := r.take(r.len())
			r.take(r.len())
			if bytes.Compare(key, c.key) < 0 {
				at = splice{r.pos, r.pos}
				continue
			}
			if bytes.Equal(key, c.key) {
				at.to = r.pos
			} else {
				r.pos = from
			}
			break
		}
		dst = append(dst, at)
	}
	return dst
}
