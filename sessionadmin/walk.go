package sessionadmin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// walkFor is how long a list may take. An operator who waits longer has closed the page.
const walkFor = 10 * time.Second

// list walks through the sessions that t names and returns a page of them.
func (h *handler) list(ctx context.Context, t Target, page int) (List, error) {
	l := List{Target: t, Page: page, Sessions: []Session{}}
	own := h.own(ctx)
	walk, cancel := context.WithTimeout(ctx, walkFor)
	defer cancel()
	sessions := h.Manager.All(walk)
	if t.User != "" {
		sessions = h.Manager.Sessions(walk, t.User)
	}
	for s, err := range sessions {
		over := errors.Is(walk.Err(), context.DeadlineExceeded) && ctx.Err() == nil
		if err != nil && !over {
			if l.Note = whyIncomplete(err); l.Note == "" {
				return l, err
			}
			break
		}
		if over {
			l.Note = fmt.Sprintf("This is not all: the store has not listed the rest within %v. Choose a user.", walkFor)
			break
		}
		if s.ID() == t.Except || !t.Before.IsZero() && !s.Created().Before(t.Before) {
			continue
		}
		l.Total++
		l.Sessions = append(l.Sessions, row(s, own))
		if len(l.Sessions) == 2*most {
			l.Sessions = lastUsed(l.Sessions)
		}
	}
	l.Sessions = lastUsed(l.Sessions)
	l.Pages = max(1, (len(l.Sessions)+perPage-1)/perPage)
	from := min((page-1)*perPage, len(l.Sessions))
	l.Sessions = slices.Clone(l.Sessions[from:min(from+perPage, len(l.Sessions))])
	return l, nil
}

// lastUsed sorts sessions and leaves the most recent ones.
func lastUsed(list []Session) []Session {
	slices.SortFunc(list, func(a, b Session) int {
		if c := b.LastUsed.Compare(a.LastUsed); c != 0 {
			return c
		}
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	return list[:min(most, len(list))]
}

// whyIncomplete explains the errors at the end of a list or an action that has reached all other sessions; "" for
// other errors.
func whyIncomplete(err error) string {
	switch {
	case errors.Is(err, core.ErrUnavailable), errors.Is(err, core.ErrConflict):
	case errors.Is(err, core.ErrUnreadable):
		return "There are also sessions that this process cannot read: a newer release, another key or another codec wrote them. Look again when all servers have the same release and keys."
	case errors.Is(err, core.ErrIncomplete):
		return "There may be more sessions: the store has lost its list of this user. To be sure, see docs/limits.md."
	case errors.Is(err, core.ErrCorrupt):
		return "There are also records that the store cannot read. The log names them."
	}
	return ""
}

func row(s *core.Session, own core.ID) Session {
	r := Session{
		ID: s.ID(), User: s.Subject(), Device: s.Device(), AuthTime: s.AuthTime(), Created: s.Created(), LastUsed: s.LastUsed(),
		Expires: s.ExpiresAt(), Own: s.ID() == own,
	}
	for key, raw := range s.Values() {
		r.Bytes += len(key) + len(raw)
		r.Keys++
	}
	return r
}

// own is the ID of the operator's session, if Authorize has used it already. It costs no call of the store.
func (h *handler) own(ctx context.Context) (own core.ID) {
	if x := h.Manager.Adapter().Exchange(ctx); x != nil && x.Used() {
		if s, err := x.Session(ctx); err == nil {
			own = s.ID()
		}
	}
	return own
}

// begins finds the one session whose ID begins like start.
func (h *handler) begins(ctx context.Context, start string) (found core.ID, err error) {
	walk, cancel := context.WithTimeout(ctx, walkFor)
	defer cancel()
	for s, err := range h.Manager.All(walk) {
		switch {
		case err != nil && ctx.Err() == nil && walk.Err() != nil:
			return found, complaintf("The store has not listed all sessions within %v: write the whole ID.", walkFor)
		case err != nil && whyIncomplete(err) == "":
			return found, err
		case err != nil || !strings.HasPrefix(s.ID().String(), start):
		case !found.IsZero():
			return found, complaintf("Several sessions begin with %s: write more digits.", start)
		default:
			found = s.ID()
		}
	}
	if found.IsZero() {
		return found, complaintf("No live session begins with %s.", start)
	}
	return found, nil
}
