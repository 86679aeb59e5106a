package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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

	Storage []finding `json:"storage,omitempty"`
}

// finding is a driver.Finding. Its fields in JSON stay as they are.
type finding struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Warning string `json:"warning,omitempty"`
}

func (a *app) doctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check the settings and the store", Args: cobra.NoArgs,
		Long: "doctor prints the settings that are in force, and who set them, what the storage tells of itself (its version, its\n" +
			"settings, its clock), and warns of what is dangerous in both. Then it goes through the store once with a record of\n" +
			"its own: create, load, update, touch, delete, with the time that each took. Exit code 5 if a call failed. A warning\n" +
			"does not change the exit code.",
		RunE: func(c *cobra.Command, _ []string) error { return a.examine(c.Context()) },
	}
}

func (a *app) examine(ctx context.Context) error {
	cfg, err := a.config(ctx)
	if errors.Is(err, core.ErrUnavailable) {
		return errors.Join(a.settingsOnly(ctx), err)
	}
	if err != nil {
		return err
	}
	if a.m, err = core.New(cfg); err != nil {
		_ = driver.Close(cfg.Store) // the other error counts
		return err
	}
	h := health{Settings: a.m.Settings(), Store: a.m.Info().Name}
	h.List = slices.DeleteFunc(h.List, func(s core.Setting) bool { return s.Env == "" }) // code sets it, which is not here
	h.List[0].Value = asGiven.Replace(h.List[0].Value)
	h.Storage, err = inspect(ctx, a.m.Config().Store)
	if store, ok := a.m.Config().Store.(driver.Store); ok {
		var failed error
		h.Turn, failed = turn(ctx, store)
		err = errors.Join(failed, err)
	} else {
		err = errors.Join(a.m.Ping(ctx), err)
	}
	if printing := a.print(h, func(w io.Writer) { h.write(w) }); printing != nil {
		return printing
	}
	return err
}

// settingsOnly prints the settings while the store does not answer. What would be said of the store is left out.
func (a *app) settingsOnly(ctx context.Context) error {
	url := os.Getenv("COATCHECK_STORE")
	if err := os.Setenv("COATCHECK_STORE", "memory:"); err != nil {
		return err
	}
	cfg, err := core.ConfigFromEnv(ctx)
	if err != nil {
		return err
	}
	if a.m, err = core.New(cfg); err != nil {
		_ = driver.Close(cfg.Store) // the other error counts
		return err
	}
	h := health{Settings: a.m.Settings()}
	h.List = slices.DeleteFunc(h.List, func(s core.Setting) bool { return s.Env == "" })
	h.List[0].Value, h.Warnings = asGiven.Replace(driver.RedactURL(url))+", which does not answer", nil
	return a.print(h, func(w io.Writer) { h.write(w) })
}

func (h health) write(w io.Writer) {
	fmt.Fprint(w, h.Settings)
	fmt.Fprintln(w)
	for _, f := range h.Storage {
		fmt.Fprintf(w, "%s\t%s\n", f.Name, f.Value)
	}
	for _, f := range h.Storage {
		if f.Warning != "" {
			fmt.Fprintf(w, "warning: %s: %s\n", f.Name, f.Warning)
		}
	}
	if len(h.Storage) > 0 {
		fmt.Fprintln(w)
	}
	for _, s := range h.Turn {
		fmt.Fprintf(w, "%s\t%.2f ms\t%s\n", s.Call, s.Milli, s.Error)
	}
}

// inspect asks what the storage tells of itself.
func inspect(ctx context.Context, store driver.Backend) (all []finding, err error) {
	inspector := driver.AbilitiesOf(store).Inspector
	if inspector == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	found, err := inspector.Inspect(ctx)
	for _, f := range found {
		all = append(all, finding(f))
	}
	return all, err
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
