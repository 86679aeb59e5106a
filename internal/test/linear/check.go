package linear

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// check looks for an order of h's events that explains them.
func (h *history) check(timeout time.Duration) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(model, h.operations(), timeout)
}

// operations are h's events as porcupine takes them: what nobody knows the end of ends after all others.
func (h *history) operations() []porcupine.Operation {
	ops := h.expand()
	var list []porcupine.Operation
	for i := range ops {
		o := &ops[i]
		end := o.Return
		if o.Unknown {
			end = math.MaxInt64
		}
		list = append(list, porcupine.Operation{ClientId: o.Client, Input: o, Output: o, Call: o.Call, Return: end})
	}
	return list
}

// expand makes of what the clients saw what the model has steps for.
func (h *history) expand() []op {
	seen := map[int]bool{}
	for _, o := range h.Ops {
		if o.Saw != nil && !(h.Reads == readsStale && o.Kind == kindLoad) {
			seen[o.Saw.Keys[0]], seen[o.Saw.Keys[1]] = true, true
		}
	}
	var ops []op
	adds := map[int]int{}
	for _, o := range h.Ops {
		switch {
		case o.Kind == kindAdd && o.Unknown && o.Found == foundLive:
			o.Before = adds[o.Session]
			adds[o.Session]++
			ops = append(ops, o)
		case o.Kind == kindLoad && h.Reads == readsStale:
		case o.Kind == kindLoad && h.Reads == readsAcknowledged:
			o.Call = h.underWay(o.Session, o.Call)
			ops = append(ops, o)
		case o.Kind == kindRevokeSubject:
			ops = append(ops, h.revocations(o)...)
		case o.Kind == kindSet && o.Unknown && !seen[o.Value]:
			// No order needs it, and each such op doubles the work.
		case o.Kind == kindLogin && o.Ended && h.raced(o):
			o.Unknown = true // its own new session was revoked; the old one may have ended
			ops = append(ops, o)
		case o.Kind == kindRotate && o.Trouble && o.Issued != 0 && o.Saw != nil:
			// The write's answer was lost: it found its token when it looked, and what others had stored since.
			look := o
			look.Kind, look.Token, look.Found = kindLoad, o.Issued, foundLive
			o.Saw = nil
			ops = append(ops, o, look)
		case o.Kind == kindLogin && o.Trouble && o.Found == foundLive && o.Loaded.Subject == 0 && o.Begun > 0:
			// The Login stands though nobody knows whether the old session, an anonymous one, has ended.
			begin, end := o, o
			begin.Kind = kindBegin
			end.Kind, end.Unknown = kindMayEnd, true
			ops = append(ops, begin, end)
		default:
			ops = append(ops, o)
		}
	}
	return ops
}

// underWay is when the first of the writes to a session began that were under way at the time now.
func (h *history) underWay(session int, now int64) int64 {
	first := now
	for _, o := range h.Ops {
		concerns := o.Kind != kindLoad && o.Session == session || o.Kind == kindRevokeSubject
		if concerns && o.Call < now && (o.Unknown || now < o.Return) {
			first = min(first, o.Call)
		}
	}
	return first
}

// raced reports whether a RevokeSubject of the same user met the Login o.
func (h *history) raced(o op) bool {
	return slices.ContainsFunc(h.Ops, func(r op) bool {
		return r.Kind == kindRevokeSubject && r.Subject == o.Subject && r.Call < o.Return && (r.Unknown || o.Call < r.Return)
	})
}

// revocations are what r, a RevokeSubject, did: it has ended the sessions that it says, one after the other, and none is
// alive that was when it began.
func (h *history) revocations(r op) []op {
	var ops []op
	one := r
	one.Kind, one.Unknown, one.Revoked = kindRevoke, false, nil
	for i, n := range r.Revoked {
		one.Session, one.Return = n, r.RevokedAt[i]
		one.Unknown = h.createdAgain(n, one.Return)
		ops = append(ops, one)
		one.Call = one.Return
	}
	if r.Unknown {
		if one.Session, one.Unknown = r.Session, true; r.Session != 0 {
			ops = append(ops, one)
		}
		return ops
	}
	if r.Incomplete {
		return ops
	}
	over := r
	over.Kind, over.Call, over.Revoked = kindOver, r.Return, nil // what is over stays over, so the end will do
	for _, o := range h.Ops {
		if o.Kind == kindLogin && o.Begun != 0 && o.Subject == r.Subject && o.Return < r.Call {
			over.Revoked = append(over.Revoked, o.Begun)
		}
	}
	if len(over.Revoked) > 0 {
		ops = append(ops, over)
	}
	return ops
}

// createdAgain reports whether a session that had ended by the time t may have begun after it: a store makes a Create
// again whose connection was lost, so the session was there twice before its request was answered.
func (h *history) createdAgain(session int, t int64) bool {
	return len(h.Faults) > 0 && slices.ContainsFunc(h.Ops, func(o op) bool { return o.Begun == session && o.Return > t })
}

// keep writes a history that nothing explains, and porcupine's picture of it if that is wanted, into a
// new folder of dir, the system's for temporary files if that is "".
func (h *history) keep(dir string, picture bool) (folder string, err error) {
	folder, err = os.MkdirTemp(dir, "coatcheck-history-")
	if err != nil {
		return "", err
	}
	if err := h.write(filepath.Join(folder, "history.json")); err != nil {
		return folder, err
	}
	if !picture {
		return folder, nil
	}
	ops := h.operations()
	last := int64(0)
	for _, o := range h.Ops {
		last = max(last, o.Return)
	}
	for i := range ops { // for the eye
		ops[i].Return = min(ops[i].Return, last+1)
	}
	_, info := porcupine.CheckOperationsVerbose(model, ops, time.Minute)
	return folder, porcupine.VisualizePath(model, info, filepath.Join(folder, "history.html"))
}

// violation is the error of a history that nothing explains.
func (h *history) violation(dir string) error {
	folder, err := h.keep(dir, true)
	if err != nil {
		return fmt.Errorf("%s: no order of events explains the history of seed %d, and it could not be kept: %w", h.Store, h.Seed, err)
	}
	return fmt.Errorf("%s: no order of events explains the history in %s (history.json, history.html); "+
		"look at it again with: go test -v -run TestHistoryFile -history=%s", h.Store, folder, filepath.Join(folder, "history.json"))
}
