package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// check returns an error if no order of events explains the answers about one record. The record was created once and
// deleted at most once.
func (h *history) check(id driver.ID) error {
	var writes, deletes, rest []event
	for _, ev := range h.events {
		switch {
		case ev.id != id:
		case !expectedInHistory(ev.err):
			return fmt.Errorf("%s: %v", ev.op, ev.err)
		case ev.op == "Delete":
			deletes = append(deletes, ev)
		case ev.err == nil && (ev.op == "Create" || ev.op == "Update"):
			writes = append(writes, ev)
		default:
			rest = append(rest, ev)
		}
	}
	slices.SortFunc(writes, func(a, b event) int { return cmp.Compare(a.version, b.version) })
	if err := checkVersions(writes); err != nil {
		return err
	}
	for _, ev := range slices.Concat(writes, rest) {
		if err := checkDeletion(ev, deletes); err != nil {
			return err
		}
	}
	for _, ev := range rest {
		if err := checkVersion(ev, writes); err != nil {
			return err
		}
		if err := checkUsed(ev, slices.Concat(writes, rest)); err != nil {
			return err
		}
	}
	return nil
}

// checkVersions: each acknowledged write replaced the one before. Otherwise that one is lost.
func checkVersions(writes []event) error {
	for i, ev := range writes[1:] {
		switch before := writes[i]; {
		case ev.version == before.version:
			return fmt.Errorf("two writes, %q and %q, got version %d", before.data, ev.data, ev.version)
		case ev.base != before.version:
			return fmt.Errorf("the write %q of version %d replaced version %d: that of version %d, %q, was acknowledged and is lost",
				ev.data, ev.version, ev.base, before.version, before.data)
		}
	}
	return nil
}

// checkDeletion: the record is present before its Delete and absent after it.
func checkDeletion(ev event, deletes []event) error {
	absent := errors.Is(ev.err, driver.ErrNotFound)
	if !absent && slices.ContainsFunc(deletes, func(d event) bool { return d.end < ev.begin }) {
		return fmt.Errorf("%s after Delete: %v", ev.op, errorText(ev.err))
	}
	if absent && !slices.ContainsFunc(deletes, func(d event) bool { return d.begin < ev.end }) {
		return fmt.Errorf("%s before Delete: %v", ev.op, ev.err)
	}
	return nil
}

// checkVersion: a Load returns a version that was written and not yet replaced. An Update or Touch conflicts only if
// another write came between.
func checkVersion(ev event, writes []event) error {
	written := func(w event) bool { return w.version == ev.version && w.data == ev.data && w.begin < ev.end }
	replaced := func(w event) bool { return w.version > ev.version && w.end < ev.begin }
	outdated := func(w event) bool { return w.version > ev.base && w.end < ev.begin }
	rival := func(w event) bool { return w.version > ev.base && w.begin < ev.end }
	switch {
	case ev.op == "Load" && ev.err == nil && !slices.ContainsFunc(writes, written):
		return fmt.Errorf("Load returned version %d with %q, which nobody wrote", ev.version, ev.data)
	case ev.op == "Load" && ev.err == nil && slices.ContainsFunc(writes, replaced):
		return fmt.Errorf("Load returned version %d after a newer one had been acknowledged", ev.version)
	case ev.op == "Touch" && ev.err == nil && slices.ContainsFunc(writes, outdated):
		return fmt.Errorf("Touch took version %d after a newer one had been acknowledged", ev.base)
	case ev.op != "Load" && errors.Is(ev.err, driver.ErrConflict) && !slices.ContainsFunc(writes, rival):
		return fmt.Errorf("%s of version %d got %v, and nobody else wrote", ev.op, ev.base, ev.err)
	}
	return nil
}

// checkUsed: a Load returns the latest Used, or that of a concurrent call. A Touch that conflicts may have moved it.
func checkUsed(ev event, others []event) error {
	offered := func(o event) bool {
		return o.op != "Load" && (o.err == nil || o.op == "Touch") && o.begin < ev.end && o.used.Equal(ev.used)
	}
	later := func(o event) bool { return o.err == nil && o.end < ev.begin && o.used.After(ev.used) }
	switch {
	case ev.op != "Load" || ev.err != nil:
		return nil
	case !slices.ContainsFunc(others, offered):
		return fmt.Errorf("Load returned Used %v, which nobody wrote", ev.used)
	case slices.ContainsFunc(others, later):
		return fmt.Errorf("Load returned Used %v after a later one had been acknowledged or read", ev.used)
	}
	return nil
}
