package main

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// maxFaults bounds the list of records that cannot be read.
const maxFaults = 1000

// fault is a record that cannot be read.
type fault struct {
	ID   core.ID `json:"id"`
	Kind string  `json:"kind"` // "corrupt" or "unreadable"
	Why  string  `json:"why"`
}

type verified struct {
	Sessions   int     `json:"sessions"` // that open
	Corrupt    int     `json:"corrupt"`
	Unreadable int     `json:"unreadable"`
	Faults     []fault `json:"faults"` // the first 1000

	// Index and records do not agree at so many places, and so many of them are fixed.
	Problems int       `json:"problems"`
	Fixed    int       `json:"fixed"`
	Index    []problem `json:"index,omitempty"` // the first 1000
}

// problem is a driver.Problem. Its fields in JSON stay as they are.
type problem struct {
	ID    core.ID `json:"id"`
	What  string  `json:"what"`
	Fixed bool    `json:"fixed"`
}

func (a *app) verify() *cobra.Command {
	var fix bool
	c := &cobra.Command{
		Use: "verify", Short: "Check that every session can be read and is listed", Args: cobra.NoArgs,
		Long: "verify opens every session with the settings of the environment: its envelope, its seal and each of its values.\n" +
			"Unreadable: of a newer release, or of a key or codec that is not set here. Corrupt: damaged. A revoke of its ID\n" +
			"removes one; its user has to sign in again.\n\n" +
			"Where a store keeps its index apart from the records (file, Redis), verify also checks, for all applications in the\n" +
			"store, that the two agree: revoke-user would miss a session that the index lacks. Without --fix, verify changes\n" +
			"nothing. With it, it repairs the index, and changes no session.\n\n" +
			"Exit code 6: there are such records, or problems of the index that are not fixed.",
		RunE: func(c *cobra.Command, _ []string) error { return a.verifyAll(c.Context(), fix) },
	}
	c.Flags().BoolVar(&fix, "fix", false, "repair the index; without it, nothing is changed")
	return c
}

func (a *app) verifyAll(ctx context.Context, fix bool) error {
	cfg, err := a.config(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	found := verified{Faults: []fault{}}
	cfg.SweepInterval = -1
	cfg.Observer = func(_ context.Context, e core.Event) {
		mu.Lock()
		defer mu.Unlock()
		switch e.Kind {
		case core.EventCorrupt:
			found.Corrupt++
		case core.EventUnreadable:
			found.Unreadable++
		default:
			return
		}
		if len(found.Faults) < maxFaults {
			found.Faults = append(found.Faults, fault{e.ID, string(e.Kind), fmt.Sprint(e.Err)})
		}
	}
	m, err := core.New(cfg)
	if err != nil {
		_ = driver.Close(cfg.Store) // the other error counts
		return err
	}
	a.m = m
	err = a.each(ctx, m, "verifying", func(s *core.Session) {
		s.Export()
		found.Sessions++
	})
	if err != nil {
		return err
	}
	if found.Sessions+found.Corrupt+found.Unreadable == 0 {
		a.noneHere(m)
	}
	failed := found.check(ctx, m.Config().Store, fix)
	if err := a.print(found, found.write); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	if found.Corrupt+found.Unreadable+found.Problems > found.Fixed {
		return errProblems
	}
	return nil
}

// check asks the store whether index and records agree, if it can tell.
func (v *verified) check(ctx context.Context, store driver.Backend, fix bool) error {
	checker := driver.AbilitiesOf(store).Checker
	if checker == nil {
		return nil
	}
	for p, err := range checker.Check(ctx, fix) {
		if err != nil {
			return err
		}
		v.Problems++
		if p.Fixed {
			v.Fixed++
		}
		if len(v.Index) < maxFaults {
			v.Index = append(v.Index, problem(p))
		}
	}
	return nil
}

func (v verified) write(w io.Writer) {
	fmt.Fprintf(w, "%d sessions can be read, %d cannot be read here, %d are damaged\n", v.Sessions, v.Unreadable, v.Corrupt)
	for _, f := range v.Faults {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.ID, f.Kind, plainValue([]byte(f.Why)))
	}
	if v.Problems == 0 {
		return
	}
	fmt.Fprintf(w, "index and records do not agree at %d places, of which %d are fixed", v.Problems, v.Fixed)
	if v.Fixed == 0 {
		fmt.Fprint(w, " (--fix repairs them)")
	}
	fmt.Fprintln(w)
	for _, p := range v.Index {
		state := "not fixed"
		if p.Fixed {
			state = "fixed"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.ID, state, p.What)
	}
}
