package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Out is what a response has to carry. The zero value changes nothing.
type Out struct {
	// Name and Value are a header line to add: "Set-Cookie", or Config.TokenHeader. Name is
	// "" if there is none.
	Name  string
	Value string `json:"-"` // may be a token

	// Vary is a member that the Vary header must have, "" if none.
	Vary string
}

// Format keeps the token out of a printed Out, whatever the verb.
func (o Out) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "coatcheck.Out("+o.Name+")") }

// Commit stores what the request did, before the header of a response with this status
// leaves. Nothing is stored for a status of 500 or more, and for 408. When the deadline of ctx
// has passed, nothing is stored either, and changes are an error: a timeout middleware has
// answered already, and if there is none, the client must not be told of a success. That the
// client has gone does not matter. The first call decides; later ones change nothing. ErrEnded: another
// request ended the session, and the changes were dropped.
//
// After an error the client must get none of the handler's response. HTTPStatus
// tells what it should get, and Out what goes with it: a Save may have stored a Login, a RotateID or a Logout
// before, and nobody but this client is to have its token. The session is closed then.
func (x *Exchange) Commit(ctx context.Context, status int) (Out, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.phase != phaseOpen {
		return Out{}, nil
	}
	x.phase = phaseSent
	s := x.s.Load()
	if s == nil && x.m.cfg.SaveEveryRequest {
		s = x.session(ctx)
	}
	if s == nil {
		return Out{}, nil
	}
	void := status >= http.StatusInternalServerError || status == http.StatusRequestTimeout
	late := errors.Is(ctx.Err(), context.DeadlineExceeded)
	var err error
	s.mu.Lock()
	failed, refused, dirty := s.err, s.refused, s.dirty() || s.bad != nil
	emptied := s.emptied
	pending := s.delivery != deliverNothing
	due := !dirty && s.live && s.token != "" && x.m.touchDue(&s.cur.header, s.rec.Used, x.now)
	s.mu.Unlock()
	switch {
	case failed != nil && refused && !void && !errors.Is(failed, ErrEnded):
		err = failed // a handler that wrote in spite of an outage must not report success
	case errors.Is(failed, ErrEnded) && status < http.StatusBadRequest:
		err = failed // a Save has told the handler, which reports a success all the same
	case failed != nil: // the handler knows, and made this response of it
	case void:
		x.close(s, ErrClosed)
		x.withdraw(s, deliverRefresh)
	case dirty && late:
		err = x.dropped(ctx, s, driver.Unavailable("coatcheck: the request took too long to save its session", ctx.Err()))
	case late:
		x.withdraw(s, deliverRefresh)
	case dirty || emptied:
		err = x.commit(ctx, s)
	case pending && s.live:
		x.confirm(ctx, s)
	case due:
		x.touch(ctx, s)
	}
	if err != nil {
		x.close(s, ErrClosed)
		if x.revert != nil {
			x.revert(ctx)
		}
		if !pending {
			return Out{}, err
		}
		x.withdraw(s, deliverRefresh)
		return x.out(s), err
	}
	return x.out(s), nil
}

// commit is the save of a response that a cookie can go with. x.mu is held.
func (x *Exchange) commit(ctx context.Context, s *Session) error {
	x.phase = phaseOpen
	var err error
	if outer := x.outer(); outer == nil {
		err = x.save(ctx, s)
	} else {
		err = x.saveWithin(ctx, outer, s)
	}
	x.phase = phaseSent
	return err
}

// confirm asks whether what an earlier Save wrote is still there: if another request ended the
// session since, or gave it another token, its cookie must not be sent. The save itself was acknowledged, so if the store
// does not answer, the response stands, and the cookie keeps its old lifetime. x.mu is held.
func (x *Exchange) confirm(ctx context.Context, s *Session) {
	ctx, cancel := x.m.writeContext(ctx)
	defer cancel()
	switch err := x.m.alive(ctx, s.rec); {
	case errors.Is(err, driver.ErrNotFound):
		x.withdraw(s, deliverToken)
	case err != nil:
		x.withdraw(s, deliverRefresh)
	}
}

// withdraw forgets a delivery of at most this weight.
func (x *Exchange) withdraw(s *Session, most delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.delivery <= most {
		s.delivery = deliverNothing
	}
}

// out says what the header must carry. x.mu is held.
func (x *Exchange) out(s *Session) Out {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := x.m
	var out Out
	if s.accessed || s.delivery != deliverNothing {
		out.Vary = m.source
	}
	deliver := s.delivery
	s.delivery = deliverNothing
	persistent := m.persistent(s.cur.expiry)
	if deliver == deliverNothing || deliver == deliverRefresh && !persistent || deliver != deliverDeletion && s.token == "" {
		return out
	}
	out.Name = "Set-Cookie"
	if m.cfg.TokenHeader != "" {
		out.Name = m.cfg.TokenHeader
		if deliver != deliverDeletion {
			out.Value = s.token
		}
		return out
	}
	switch {
	case deliver == deliverDeletion:
		out.Value = m.cookiePrefix + "; Max-Age=0" + m.cookieSuffix
	case persistent:
		out.Value = m.setCookie(s.token, s.left)
	default:
		out.Value = m.setCookie(s.token, -1)
	}
	return out
}

// Apply puts o into h, for frameworks on net/http. A response with a token must not be
// stored by a shared cache (OWASP, Session Management Cheat Sheet).
func (o Out) Apply(h http.Header) {
	vary := o.Vary != "" && !HasMember(h["Vary"], o.Vary)
	if o.Name == "" {
		if vary {
			h["Vary"] = append(h["Vary"], o.Vary)
		}
		return
	}
	lines := &[3]string{o.Vary, o.Value, "no-store"} // one allocation for what most responses lack
	if vary {
		add(h, "Vary", lines[:1:1])
	}
	add(h, o.Name, lines[1:2:2])
	if cc := h["Cache-Control"]; !HasMember(cc, "no-store") && !HasMember(cc, "private") {
		h["Cache-Control"] = lines[2:]
	}
}

func add(h http.Header, name string, line []string) {
	if present := h[name]; present != nil {
		line = append(present, line...)
	}
	h[name] = line
}

// HasMember reports whether a list-valued header has the member, or "*".
func HasMember(lines []string, member string) bool {
	for _, line := range lines {
		for m := range strings.SplitSeq(line, ",") {
			if m = strings.TrimSpace(m); strings.EqualFold(m, member) || m == "*" {
				return true
			}
		}
	}
	return false
}
