package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core"
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
	Faults     []fault `json:"faults,omitempty"` // the first 1000
}

func (a *app) verify() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Check that every session can be read", Args: cobra.NoArgs,
		Long: "verify opens every session with the settings of the environment: its envelope, its seal and each of its values. It\n" +
			"changes nothing. Unreadable: of a newer release, or of a key or codec that is not set here. Corrupt: damaged.\n" +
			"Exit code 6: there are such records. A revoke of its ID removes one; its user has to sign in again.",
		RunE: func(c *cobra.Command, _ []string) error { return a.verifyAll(c.Context()) },
	}
}

func (a *app) verifyAll(ctx context.Context) error {
	cfg, err := a.config(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var found verified
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
		return err
	}
	a.m = m
	err = a.each(ctx, m, "verifying", func(s *core.Session) {
		s.Export()
		found.Sessions++
	})
	if err != nil && !errors.Is(err, core.ErrUnreadable) {
		return err
	}
	if err := a.print(found, found.write); err != nil {
		return err
	}
	if found.Corrupt+found.Unreadable > 0 {
		return errProblems
	}
	return nil
}

func (v verified) write(w io.Writer) {
	fmt.Fprintf(w, "%d sessions can be read, %d cannot be read here, %d are damaged\n", v.Sessions, v.Unreadable, v.Corrupt)
	for _, f := range v.Faults {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.ID, f.Kind, f.Why)
	}
}
