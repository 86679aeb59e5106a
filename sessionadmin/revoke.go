package sessionadmin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// revoke shows what would end, and ends it with POST.
func (h *handler) revoke(r request) answer {
	t, _, err := target(r.URL.RawQuery, h.now(), "id", "user", "except", "before")
	var action string
	if err == nil {
		action, err = t.action()
	}
	post := r.Method == http.MethodPost
	refuse := func(status int, text string) answer {
		if post {
			h.audit(r, Result{Action: action, Target: t}, "refused", complaint(text))
		}
		return problem(status, text)
	}
	switch foreign := h.origin.Check(r.Request); {
	case foreign != nil:
		return refuse(http.StatusForbidden, "The request came from another site, so nothing was done.")
	case h.ReadOnly:
		return refuse(http.StatusForbidden, "These pages are read-only: nothing can be ended here.")
	case err != nil:
		return refuse(http.StatusBadRequest, err.Error())
	case post:
		return h.act(r, action, t)
	}
	return h.preview(r, action, t)
}

// preview lists what an action would end. Where the store cannot list, it says so, and the action may still work.
func (h *handler) preview(r request, action string, t Target) answer {
	p := Preview{Action: action, List: List{Target: t, Page: 1, Pages: 1, Sessions: []Session{}}}
	var err error
	if action == "revoke" {
		var s *core.Session
		if s, err = h.Manager.Session(r.Context(), t.ID); err == nil {
			p.Total, p.Sessions = 1, []Session{row(s, h.own(r.Context()))}
		}
		if errors.Is(err, core.ErrCorrupt) || errors.Is(err, core.ErrUnreadable) && !errors.Is(err, core.ErrUnavailable) {
			p.Note, err = h.failed(r, err).body.(Problem).Error, nil
		}
	} else {
		p.List, err = h.list(r.Context(), t, 1)
	}
	if errors.Is(err, errors.ErrUnsupported) && h.can.Indexer == nil && t.Before.IsZero() && !h.Manager.Info().NoRevocation {
		p.Note, err = h.unsupported(), nil
	}
	if err != nil {
		return h.failed(r, err)
	}
	return answer{http.StatusOK, "Revoke sessions", p}
}

// act ends sessions. It goes on if the operator's browser goes away: half of an action helps nobody.
func (h *handler) act(r request, action string, t Target) answer {
	ctx := context.WithoutCancel(r.Context())
	result := Result{Action: action, Target: t}
	var err error
	switch action {
	case "revoke":
		err = h.revokeOne(ctx, &result)
	case "revoke_user":
		result.Ended, err = h.Manager.RevokeSubject(ctx, t.User)
	case "revoke_others":
		result.Ended, err = h.Manager.RevokeSubject(ctx, t.User, t.Except)
	case "revoke_user_before":
		result.Ended, err = h.revokeUserBefore(ctx, t.User, t.Before)
	default:
		result.Ended, err = h.Manager.RevokeAll(ctx, t.Before)
	}
	switch {
	case err == nil:
		if h.can.Indexer == nil {
			result.Note = "This store cannot tell how many sessions these were: none of them has access now."
		}
		h.audit(r, result, "done", nil)
		return answer{http.StatusOK, "Sessions revoked", result}
	case whyIncomplete(err) != "":
		result.Note = whyIncomplete(err)
		h.audit(r, result, "incomplete", err)
		return answer{http.StatusOK, "Sessions revoked, but perhaps not all", result}
	}
	h.audit(r, result, "failed", err)
	why := h.failed(r, err)
	if result.Ended == 0 {
		return why
	}
	result.Note = "This is not all. " + why.body.(Problem).Error
	return answer{why.status, "Not all sessions were revoked", result}
}

// revokeOne ends one session, and finds out whose it was.
func (h *handler) revokeOne(ctx context.Context, result *Result) error {
	s, err := h.Manager.Session(ctx, result.ID)
	if errors.Is(err, core.ErrNotFound) || errors.Is(err, core.ErrUnavailable) {
		return err
	}
	result.User = s.Subject()
	if err := h.Manager.Revoke(ctx, result.ID); err != nil {
		return err
	}
	if h.can.Indexer != nil { // else nobody knows whether it was alive
		result.Ended = 1
	}
	return nil
}

func (h *handler) revokeUserBefore(ctx context.Context, user string, before time.Time) (ended int, err error) {
	for s, err := range h.Manager.Sessions(ctx, user) {
		if err != nil {
			return ended, err
		}
		if !s.Created().Before(before) {
			continue
		}
		switch err := h.Manager.RevokeOwn(ctx, user, s.ID()); {
		case err == nil:
			ended++
		case !errors.Is(err, core.ErrNotFound): // it has not ended meanwhile
			return ended, err
		}
	}
	return ended, nil
}

// audit writes the line of an action.
func (h *handler) audit(r request, result Result, outcome string, err error) {
	attrs := []slog.Attr{
		slog.String("who", cut(r.who)), slog.String("action", result.Action),
		slog.String("outcome", outcome), slog.Int("ended", result.Ended),
	}
	if result.User != "" {
		attrs = append(attrs, slog.String("user", result.User))
	}
	if !result.ID.IsZero() {
		attrs = append(attrs, slog.String("session", result.ID.String()))
	}
	if !result.Except.IsZero() {
		attrs = append(attrs, slog.String("except", shortID(result.Except)))
	}
	if !result.Before.IsZero() {
		attrs = append(attrs, slog.Time("before", result.Before))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	h.logger().LogAttrs(r.Context(), slog.LevelInfo, "sessionadmin: action", attrs...)
}
