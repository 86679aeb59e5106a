package sessionadmin

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// pingFor is how long the store may take to answer the overview.
const pingFor = 2 * time.Second

// overview does not fail with the store: it says how the store is doing.
func (h *handler) overview(r request) answer {
	ctx, cancel := context.WithTimeout(r.Context(), pingFor)
	defer cancel()
	o := Overview{Time: h.now().UTC(), Store: h.Manager.Info().Name, Answers: h.Manager.Ping(ctx) == nil}
	switch {
	case !o.Answers:
		o.Problem = "It did not answer within " + pingFor.String() + ". The log says why."
	case h.can.Pinger == nil && !h.Manager.Info().InMemory:
		o.Problem = "It has no way to tell whether it answers."
	}
	if o.Answers {
		o.Sessions, o.Uncounted = h.count(ctx)
	} else {
		o.Uncounted = "The store does not answer."
	}
	if h.Stats != nil {
		report := h.Stats.Report()
		o.Stats = &report
	}
	return answer{http.StatusOK, "Overview", o}
}

func (h *handler) count(ctx context.Context) (*int, string) {
	switch n, err := h.Manager.Count(ctx); {
	case err == nil:
		return &n, ""
	case errors.Is(err, errors.ErrUnsupported):
		return nil, "This store cannot count its sessions without reading them all: coatcheck stats does."
	case ctx.Err() != nil:
		return nil, "The store needs more than " + pingFor.String() + " to count its sessions."
	}
	return nil, "The store did not answer."
}

func (h *handler) sessions(r request) answer {
	t, page, err := target(r.URL.RawQuery, h.now(), "user", "before", "page")
	if err != nil {
		return problem(http.StatusBadRequest, err.Error())
	}
	l, err := h.list(r.Context(), t, page)
	if err != nil {
		return h.failed(r, err)
	}
	return answer{http.StatusOK, "Sessions", l}
}

func (h *handler) session(r request) answer {
	query := r.URL.RawQuery
	if start := r.URL.Query().Get("id"); isStart(start) {
		id, err := h.begins(r.Context(), start)
		if wrong := complaint(""); errors.As(err, &wrong) {
			return problem(http.StatusNotFound, err.Error())
		}
		if err != nil {
			return h.failed(r, err)
		}
		query = Target{ID: id}.query()
	}
	t, _, err := target(query, h.now(), "id")
	if err == nil && t.ID.IsZero() {
		err = complaint("Say which session: its ID is missing.")
	}
	if err != nil {
		return problem(http.StatusBadRequest, err.Error())
	}
	s, err := h.Manager.Session(r.Context(), t.ID)
	if err != nil {
		return h.failed(r, err)
	}
	shown := row(s, h.own(r.Context()))
	for key, raw := range s.Values() {
		v := Value{Key: key, Bytes: len(raw)}
		if h.Format != nil {
			v.Text = h.Format(key, raw)
		}
		shown.Values = append(shown.Values, v)
	}
	return answer{http.StatusOK, "Session", shown}
}
