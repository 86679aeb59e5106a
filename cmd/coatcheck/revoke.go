package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core"
)

// printEnded is what the commands that end sessions print: {"ended":2} or {"would_end":2}.
func (a *app) printEnded(n int, dry bool) error {
	name := map[bool]string{true: "would_end", false: "ended"}[dry]
	return a.print(map[string]int{name: n}, func(w io.Writer) {
		if dry {
			fmt.Fprintf(w, "would end %s; nothing was changed\n", sessions(n))
		} else {
			fmt.Fprintf(w, "ended %s\n", sessions(n))
		}
	})
}

func dryRun(c *cobra.Command) *bool {
	return c.Flags().Bool("dry-run", false, "say how many sessions would end, and change nothing")
}

func (a *app) revoke() *cobra.Command {
	c := &cobra.Command{
		Use: "revoke ID...", Short: "End sessions by their IDs", Args: cobra.MinimumNArgs(1),
		Long: "revoke ends these sessions: their users have to sign in again on that device. \"-\" reads IDs from the standard input,\n" +
			"one in a line. Exit code 3: none of them was alive.",
	}
	dry := dryRun(c)
	c.RunE = func(c *cobra.Command, args []string) error { return a.endIDs(c.Context(), args, *dry) }
	return c
}

func (a *app) endIDs(ctx context.Context, args []string, dry bool) error {
	if len(args) == 1 && args[0] == "-" {
		args = nil
		lines := bufio.NewScanner(a.in)
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" {
				args = append(args, line)
			}
		}
		if err := lines.Err(); err != nil {
			return err
		}
		if len(args) == 0 {
			return usagef("there are no IDs on the standard input")
		}
	}
	m, err := a.open(ctx)
	if err != nil {
		return err
	}
	n := 0
	for i, arg := range args {
		id, err := a.resolve(ctx, m, arg)
		alive := true
		if err == nil {
			alive, err = isAlive(ctx, m, id)
		}
		if err == nil && !dry {
			err = m.Revoke(ctx, id)
		}
		switch {
		case err != nil && !errors.Is(err, core.ErrNotFound):
			return fmt.Errorf("ended %s; at ID number %d: %w", sessions(n), i+1, err) // what was typed may be a token
		case err == nil && alive:
			n++
			a.seen.Add(1)
		case len(args) == 1:
			if err == nil {
				err = fmt.Errorf("%s is not alive: %w", arg, core.ErrNotFound)
			}
			return err
		default:
			fmt.Fprintf(a.err, "coatcheck: %s is not alive\n", arg)
		}
	}
	if n == 0 {
		return fmt.Errorf("none of %d IDs is alive: %w", len(args), core.ErrNotFound)
	}
	return a.printEnded(n, dry)
}

// isAlive tells what can be told: a store of tokens keeps no records, and a record that cannot be read is there.
func isAlive(ctx context.Context, m *core.Manager, id core.ID) (bool, error) {
	_, err := m.Session(ctx, id)
	switch {
	case errors.Is(err, core.ErrEnded):
		return false, nil
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, core.ErrUnreadable), errors.Is(err, core.ErrCorrupt):
		return true, nil
	}
	return err == nil, err
}

func (a *app) revokeUser() *cobra.Command {
	var except []string
	c := &cobra.Command{
		Use: "revoke-user USER", Short: "End all sessions of a user", Args: cobra.ExactArgs(1),
		Long: "revoke-user ends the sessions of a user, also those that are signed in to while it runs.",
	}
	c.Flags().StringSliceVar(&except, "except", nil, "leave the session with this ID")
	dry := dryRun(c)
	c.RunE = func(c *cobra.Command, args []string) error { return a.endUser(c.Context(), args[0], except, *dry) }
	return c
}

func (a *app) endUser(ctx context.Context, user string, except []string, dry bool) error {
	m, err := a.open(ctx)
	if err != nil {
		return err
	}
	keep := map[core.ID]bool{}
	var ids []core.ID
	for _, arg := range except {
		id, err := a.resolve(ctx, m, arg)
		if err != nil {
			return fmt.Errorf("--except: %w", err)
		}
		keep[id], ids = true, append(ids, id)
	}
	n := 0
	if dry {
		for s, err := range a.sessions(ctx, m, user) {
			if err != nil {
				return err
			}
			if !keep[s.ID()] {
				n++
			}
		}
	} else if n, err = m.RevokeSubject(ctx, user, ids...); err != nil {
		a.seen.Store(int64(n))
		return fmt.Errorf("ended %s: %w", sessions(n), err)
	}
	if m.Info().Name == "cookiestore" && !dry {
		return a.print(map[string]any{"ended": "all"}, func(w io.Writer) {
			fmt.Fprintln(w, "ended all sessions of the user; the store cannot count them")
		})
	}
	if n == 0 && a.unread.Load() == 0 {
		return fmt.Errorf("the user has no such sessions in the namespace %q: %w", m.Config().Namespace, core.ErrNotFound)
	}
	if err := a.printEnded(n, dry); err != nil || !dry {
		return err
	}
	return a.notRead()
}

func (a *app) revokeAll() *cobra.Command {
	var before string
	c := &cobra.Command{
		Use: "revoke-all --before TIME", Short: "End all sessions that began before a time", Args: cobra.NoArgs,
		Long: "revoke-all ends the sessions of all users that began before a time: after a restored backup, or an incident.\n" +
			"TIME is \"now\", a date (2026-11-29, in UTC), or a time with its zone (2026-11-29T18:00:00Z).",
	}
	c.Flags().StringVar(&before, "before", "", "the time; required")
	dry := dryRun(c)
	c.RunE = func(c *cobra.Command, _ []string) error { return a.endAll(c.Context(), before, *dry) }
	return c
}

func (a *app) endAll(ctx context.Context, text string, dry bool) error {
	before, err := parseTime(text)
	if err != nil {
		return err
	}
	m, err := a.open(ctx)
	if err != nil {
		return err
	}
	n := 0
	if dry {
		for s, err := range a.sessions(ctx, m, "") {
			if err != nil {
				return err
			}
			a.seen.Add(1)
			if s.Created().Before(before) {
				n++
			}
		}
		if err := a.printEnded(n, true); err != nil {
			return err
		}
		if a.seen.Load() == 0 && a.unread.Load() == 0 {
			a.noneHere(m)
		}
		return a.notRead()
	}
	n, err = m.RevokeAll(ctx, before)
	a.seen.Store(int64(n))
	if err != nil {
		return fmt.Errorf("ended %s: %w", sessions(n), err)
	}
	if n == 0 {
		a.noneHere(m)
	}
	return a.printEnded(n, false)
}

func parseTime(text string) (time.Time, error) {
	if text == "now" {
		return time.Now(), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--before is now, a date such as 2026-11-29, or a time such as 2026-11-29T18:00:00Z")
}
