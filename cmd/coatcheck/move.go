package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
)

// moved is what move prints.
type moved struct {
	Moved  int    `json:"moved"`
	Gone   int    `json:"gone"`   // ended, expired, or moved by somebody else meanwhile
	Failed int    `json:"failed"` // they stay in the old store
	Why    string `json:"why,omitempty"`
}

func (a *app) move() *cobra.Command {
	var options crossingstore.MoveOptions
	var dry bool
	c := &cobra.Command{
		Use: "move", Short: "Move all sessions from the old store to the new one", Args: cobra.NoArgs,
		Long: "move takes over all sessions of the store behind from= in COATCHECK_STORE (redis://HOST/0?from=file:./sessions), while\n" +
			"the application runs with the same COATCHECK_STORE. It makes the new store's table or folder if there is none. It may\n" +
			"be interrupted and called again. docs/operations.md has all steps. Exit code 6: some sessions stay in the old store.",
		RunE: func(c *cobra.Command, _ []string) error { return a.moveAll(c.Context(), options, dry) },
	}
	c.Flags().BoolVar(&options.Verify, "verify", false, "read each session back and compare it, before it is deleted in the old store")
	c.Flags().IntVar(&options.Parallel, "parallel", 8, "how many sessions are moved at the same time")
	c.Flags().BoolVar(&dry, "dry-run", false, "count the sessions in the old store, and change nothing")
	return c
}

var errNoFrom = usagef("COATCHECK_STORE has no from=: set it to NEW?from=OLD, as the application has it")

// countOld counts what Move would move, without opening the new store.
func (a *app) countOld(ctx context.Context, url string) error {
	u, err := driver.ParseURL(url)
	if err != nil {
		return err
	}
	var old string
	if u.Option("from", &old); old == "" {
		return errNoFrom
	}
	store, err := u.OpenOld(ctx, old)
	if err != nil {
		return err
	}
	defer func() { _ = driver.Close(store) }() // nothing was written
	lister := driver.AbilitiesOf(store).Lister
	if lister == nil {
		return fmt.Errorf("%s cannot list its sessions: %w", store.Info().Name, errors.ErrUnsupported)
	}
	for _, err := range lister.All(ctx) {
		if err != nil {
			return err
		}
		a.seen.Add(1)
	}
	return a.print(map[string]any{"would_move": a.seen.Load(), "dry_run": true}, func(w io.Writer) {
		fmt.Fprintf(w, "would move %s; nothing was changed\n", sessions(a.seen.Load()))
	})
}

func (a *app) moveAll(ctx context.Context, options crossingstore.MoveOptions, dry bool) error {
	if options.Parallel < 1 || options.Parallel > 256 {
		return usagef("--parallel is 1 to 256")
	}
	url := a.store
	if url == "" {
		url = os.Getenv("COATCHECK_STORE")
	}
	if url == "" {
		return usagef("COATCHECK_STORE is not set: set it to NEW?from=OLD, as the application has it")
	}
	if dry {
		return a.countOld(ctx, url)
	}
	opened, err := core.OpenStore(ctx, url) // it may make the new store
	if err != nil {
		return err
	}
	defer func() { _ = driver.Close(opened) }() // what was moved is moved
	store, ok := opened.(*crossingstore.Store)
	if !ok {
		return errNoFrom
	}
	bar := a.barOf(-1, "moving")
	defer bar.done()
	options.Progress = func(p crossingstore.Progress) {
		a.seen.Store(int64(p.Moved + p.Gone + p.Failed))
		bar.add()
	}
	p, err := store.Move(ctx, options)
	stays := err != nil && p.Failed > 0 && !errors.Is(err, driver.ErrUnavailable)
	if err != nil && !stays {
		return fmt.Errorf("moved %s: %w", sessions(p.Moved), err)
	}
	result := moved{Moved: p.Moved, Gone: p.Gone, Failed: p.Failed}
	if stays {
		result.Why = a.line(err, exitFailed)
	}
	printing := a.print(result, func(w io.Writer) {
		fmt.Fprintf(w, "moved %s; %d had ended or were moved meanwhile; %d stay in the old store\n", sessions(p.Moved), p.Gone, p.Failed)
		if stays {
			fmt.Fprintln(w, result.Why)
		}
	})
	if printing == nil && stays {
		return errProblems
	}
	return printing
}
