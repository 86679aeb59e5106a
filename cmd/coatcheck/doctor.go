package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// step is one call of the store, with how long it took.
type step struct {
	Call  string  `json:"call"`
	Milli float64 `json:"ms"`
	Error string  `json:"error,omitempty"`
}

// health is what doctor has found.
type health struct {
	core.Settings
	Store string `json:"store"`
	Turn  []step `json:"turn,omitempty"`
}

func (a *app) doctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check the settings and the store", Args: cobra.NoArgs,
		Long: "doctor prints the settings that are in force, and who set them, warns of what is dangerous, and goes through the\n" +
			"store once with a record of its own: create, load, update, touch, delete, with the time that each took. Exit code 5\n" +
			"if a call failed.",
		RunE: func(c *cobra.Command, _ []string) error { return a.examine(c.Context()) },
	}
}

func (a *app) examine(ctx context.Context) error {
	cfg, err := a.config(ctx)
	if err != nil {
		return err
	}
	if a.m, err = core.New(cfg); err != nil {
		return err
	}
	h := health{Settings: a.m.Settings(), Store: a.m.Info().Name}
	store, ok := a.m.Config().Store.(driver.Store)
	if ok {
		h.Turn, err = turn(ctx, store)
	} else {
		err = a.m.Ping(ctx)
	}
	if printing := a.print(h, func(w io.Writer) { h.write(w) }); printing != nil {
		return printing
	}
	return err
}

func (h health) write(w io.Writer) {
	fmt.Fprint(w, strings.NewReplacer("?create=false", "", "&create=false", "").Replace(h.Settings.String()))
	fmt.Fprintln(w)
	for _, s := range h.Turn {
		fmt.Fprintf(w, "%s\t%.1f ms\t%s\n", s.Call, s.Milli, s.Error)
	}
}

// turn goes through the store with a record that no manager knows: its namespace is none.
func turn(ctx context.Context, store driver.Store) (steps []step, err error) {
	var id driver.ID
	_, _ = rand.Read(id[:]) // never fails
	now := time.Now()
	rec := driver.Record{ID: id, Created: now, Used: now, Expires: now.Add(time.Minute), Data: make([]byte, 500)}
	call := func(name string, f func(context.Context) error) {
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		began := time.Now()
		err = f(ctx)
		s := step{Call: name, Milli: float64(time.Since(began).Microseconds()) / 1000}
		if err != nil {
			s.Error = err.Error()
			err = fmt.Errorf("%s: %w", name, err)
		}
		steps = append(steps, s)
	}
	call("create", func(ctx context.Context) error { return store.Create(ctx, &rec) })
	call("load", func(ctx context.Context) error { _, err := store.Load(ctx, id); return err })
	call("update", func(ctx context.Context) error { return store.Update(ctx, &rec) })
	call("touch", func(ctx context.Context) error {
		return store.Touch(ctx, id, rec.Version, time.Now(), now.Add(2*time.Minute))
	})
	call("delete", func(ctx context.Context) error { return store.Delete(ctx, id) })
	call("load, once it is deleted", func(ctx context.Context) error {
		if _, err := store.Load(ctx, id); !errors.Is(err, driver.ErrNotFound) {
			return fmt.Errorf("the deleted record is still there: %w", errors.Join(err, driver.ErrUnavailable))
		}
		return nil
	})
	return steps, err
}
