package main

import (
	"context"
	"fmt"
	"io"
	"math/bits"
	"time"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core"
)

// tally counts sessions in constant memory.
type tally struct {
	Sessions  int   `json:"sessions"`
	SignedIn  int   `json:"signed_in"`
	Anonymous int   `json:"anonymous"`
	Bytes     int64 `json:"bytes"` // keys and encoded values, of all
	Largest   int   `json:"largest_bytes"`

	UsedInHour int `json:"used_in_last_hour"`
	UsedInDay  int `json:"used_in_last_day"`
	BegunInDay int `json:"begun_in_last_day"`
	EndsInHour int `json:"ends_within_hour"`
	EndsInDay  int `json:"ends_within_day"`

	// BySize has how many sessions are smaller than each power of two bytes, and not smaller than the one before.
	BySize map[int]int `json:"by_size"`
	Unread int64       `json:"unreadable"` // records that could not be read here

	exact time.Duration // the last use is known to within this
}

func (t *tally) add(s session, now time.Time) {
	t.Sessions++
	if s.User == "" {
		t.Anonymous++
	} else {
		t.SignedIn++
	}
	t.Bytes += int64(s.Bytes)
	t.Largest = max(t.Largest, s.Bytes)
	count := func(n *int, is bool) {
		if is {
			*n++
		}
	}
	count(&t.UsedInHour, now.Sub(s.LastUsed) < time.Hour)
	count(&t.UsedInDay, now.Sub(s.LastUsed) < 24*time.Hour)
	count(&t.BegunInDay, now.Sub(s.Created) < 24*time.Hour)
	count(&t.EndsInHour, s.Expires.Sub(now) < time.Hour)
	count(&t.EndsInDay, s.Expires.Sub(now) < 24*time.Hour)
	t.BySize[1<<bits.Len(uint(s.Bytes))]++
}

func (a *app) stats() *cobra.Command {
	return &cobra.Command{
		Use: "stats", Short: "Count the live sessions, by use, age and size", Args: cobra.NoArgs,
		Long: "stats reads every session once, in constant memory. It needs a store that can list.",
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := a.open(c.Context())
			if err != nil {
				return err
			}
			t, now := tally{BySize: map[int]int{}, exact: m.Config().TouchInterval}, time.Now()
			if err := a.each(c.Context(), m, "reading", func(s *core.Session) { t.add(describe(s), now) }); err != nil {
				return err
			}
			if t.Unread = a.unread.Load(); t.Sessions == 0 && t.Unread == 0 {
				a.noneHere(m)
			}
			if err := a.print(t, t.write); err != nil {
				return err
			}
			return a.notRead()
		},
	}
}

func (t *tally) write(w io.Writer) {
	average := int64(0)
	if t.Sessions > 0 {
		average = t.Bytes / int64(t.Sessions)
	}
	fmt.Fprintf(w, "live sessions\t%d\nsigned in\t%d\nanonymous\t%d\n", t.Sessions, t.SignedIn, t.Anonymous)
	fmt.Fprintf(w, "used in the last hour\t%d\nused in the last day\t%d\n(a use is known to within\t%s)\nbegun in the last day\t%d\n", t.UsedInHour, t.UsedInDay, span(t.exact), t.BegunInDay)
	fmt.Fprintf(w, "end within the hour\t%d\nend within the day\t%d\n", t.EndsInHour, t.EndsInDay)
	fmt.Fprintf(w, "values, all together\t%s\nof a session, average\t%s\nof a session, largest\t%s\n", size(t.Bytes), size(average), size(int64(t.Largest)))
	for power := 1; power <= 1<<30; power *= 2 {
		switch n := t.BySize[power]; {
		case n == 0:
		case power == 1:
			fmt.Fprintf(w, "empty\t%d\n", n)
		default:
			fmt.Fprintf(w, "%s to %s\t%d\n", size(int64(power/2)), size(int64(power-1)), n)
		}
	}
}

// each calls f for each live session, with a progress bar where a terminal looks on.
func (a *app) each(ctx context.Context, m *core.Manager, what string, f func(*core.Session)) error {
	bar := a.bar(ctx, m, what)
	defer bar.done()
	for s, err := range a.sessions(ctx, m, "") {
		if err != nil {
			return err
		}
		f(s)
		a.seen.Add(1)
		bar.add()
	}
	return ctx.Err()
}
