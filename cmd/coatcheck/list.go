package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core"
)

func (a *app) list() *cobra.Command {
	var user string
	var older age
	var limit int
	c := &cobra.Command{
		Use: "list", Short: "List live sessions", Args: cobra.NoArgs,
		Long: "list prints the live sessions, in the store's order: of all users, or of one. It needs a store that can list.\n" +
			"USED is exact to within COATCHECK_TOUCH_INTERVAL: a session may have been used that much later.",
		RunE: func(c *cobra.Command, _ []string) error {
			if user == "" && c.Flags().Changed("user") {
				return usagef("--user is empty; without it, all users are listed")
			}
			if limit < 0 {
				return usagef("--limit is not negative")
			}
			return a.printList(c.Context(), user, time.Duration(older), limit)
		},
	}
	c.Flags().StringVar(&user, "user", "", "only the sessions of this user")
	c.Flags().Var(&older, "older", "only sessions that began longer ago than this, such as 12h or 30d")
	c.Flags().IntVar(&limit, "limit", 0, "at most so many; 0: all")
	return c
}

func (a *app) printList(ctx context.Context, user string, older time.Duration, limit int) error {
	m, err := a.open(ctx)
	if err != nil {
		return err
	}
	now, n := time.Now(), 0
	row := func(w io.Writer, s session) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, orDash(s.User), orDash(s.Device.Label), ago(s.Created, now), ago(s.LastUsed, now), ago(s.Expires, now), size(int64(s.Bytes)))
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	if !a.asJSON {
		fmt.Fprintf(w, "ID\tUSER\tDEVICE\tBEGAN\tUSED (to %s)\tENDS\tSIZE\n", span(m.Config().TouchInterval))
	}
	for s, err := range a.sessions(ctx, m, user) {
		if err != nil {
			_ = w.Flush() // the other error counts
			return err
		}
		if s.Created().After(now.Add(-older)) {
			continue
		}
		if a.asJSON {
			err = a.print(describe(s), nil)
		} else if row(w, describe(s)); n%200 == 199 {
			err = w.Flush() // constant memory, for the price of columns that may move
		}
		if err != nil {
			return err
		}
		a.seen.Add(1)
		if n++; limit > 0 && n == limit {
			break
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if n == 0 && user != "" && older == 0 && a.unread.Load() == 0 {
		return fmt.Errorf("the user %s has no live sessions in the namespace %q: %w", plain(user), m.Config().Namespace, core.ErrNotFound)
	}
	if n == 0 && a.unread.Load() == 0 {
		a.noneHere(m)
	}
	return a.notRead()
}

// age is a flag: a duration, or a number of days.
type age time.Duration

func (*age) Type() string     { return "age" }
func (a *age) String() string { return time.Duration(*a).String() }

func (a *age) Set(text string) error {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d < 0 {
		return errors.New("write it like 12h or 30d")
	}
	*a = age(d)
	return nil
}
