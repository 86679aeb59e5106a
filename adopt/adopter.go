package adopt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// maxValues is how many values of the old cookie's name one request may present. A browser has two if the cookie was
// once set with another Path or Domain.
const maxValues = 4

// Adopter takes over the sessions of one other library. NewGorilla and NewSCS make one. Its methods may be called
// concurrently.
type Adopter struct {
	cookie http.Cookie
	find   func(ctx context.Context, value string) (*session, error) // nil, nil: value is no live session
	taken  *taken
}

// session is a live session of the other library.
type session struct {
	id     driver.ID // in TakenIn
	until  time.Time // its deadline
	read   func(context.Context) (*core.Adoption, error)
	remove func(context.Context) error // nil: it has no record
	chosen bool                        // Read has made the Adoption of this one
}

// Adopt is for core.Config.Adopt. A cookie that is malformed, forged, expired or not known is nobody's: it returns nil
// and nil, and so it does for a session that was taken over before. If a store does not answer, or if the values of a
// genuine session cannot be decoded, it returns an error.
//
// If the request has several live sessions under the cookie's name, the first one for which Read returns an Adoption is
// taken over, and all of them end: the others must not come back after a Logout.
func (a *Adopter) Adopt(ctx context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
	found, live, err := a.look(ctx, cookies)
	if err != nil {
		return nil, fmt.Errorf("adopt: cookie %s: %w", a.cookie.Name, err)
	}
	if found == nil {
		return nil, nil
	}
	out := *found
	out.Forget = append(slices.Clip(out.Forget), &a.cookie)
	out.Taken = func(ctx context.Context) error {
		var errs []error
		for _, s := range live {
			errs = append(errs, a.end(ctx, s))
		}
		if found.Taken != nil {
			errs = append(errs, found.Taken(ctx))
		}
		return errors.Join(errs...)
	}
	return &out, nil
}

// look returns all live sessions that the cookies name, and what Read makes of one of them.
func (a *Adopter) look(ctx context.Context, cookies []*http.Cookie) (found *core.Adoption, live []*session, err error) {
	for _, value := range a.values(cookies) {
		s, err := a.find(ctx, value)
		if err != nil {
			return nil, nil, err
		}
		if s == nil {
			continue
		}
		// After find: what another request has taken over meanwhile is seen.
		if over, err := a.taken.has(ctx, s.id); err != nil {
			return nil, nil, err
		} else if over {
			continue
		}
		live = append(live, s)
		if found == nil {
			if found, err = s.read(ctx); err != nil {
				return nil, nil, err
			}
			s.chosen = found != nil
		}
	}
	return found, live, nil
}

// values returns the different values of the old cookie, at most maxValues.
func (a *Adopter) values(cookies []*http.Cookie) (values []string) {
	for _, c := range cookies {
		if c.Name == a.cookie.Name && c.Value != "" && len(values) < maxValues && !slices.Contains(values, c.Value) {
			values = append(values, c.Value)
		}
	}
	return values
}

// end remembers that s was taken over before it removes the record. A request of the old application that is under way
// may write the record back. If another request has taken over the session that was chosen, end returns core.ErrEnded.
func (a *Adopter) end(ctx context.Context, s *session) error {
	err := a.taken.add(ctx, s.id, s.until)
	before := errors.Is(err, core.ErrEnded)
	if (err == nil || before) && s.remove != nil {
		err = s.remove(ctx)
	} else if before {
		err = nil
	}
	if err == nil && before && s.chosen {
		err = core.ErrEnded
	}
	if err != nil {
		return fmt.Errorf("adopt: cookie %s: %w", a.cookie.Name, err)
	}
	return nil
}
