package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
)

func (a *app) keys() *cobra.Command {
	c := &cobra.Command{
		Use: "keys", Short: "Make and check keys", Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return usagef("there is no command keys %q; there are keys new, check and reseal", args[0]) // cobra would print its help and exit with 0
		},
	}
	c.AddCommand(a.keysNew(), a.keysCheck(), a.keysReseal())
	return c
}

func (a *app) keysNew() *cobra.Command {
	return &cobra.Command{
		Use: "new ID", Short: "Make a new key", Args: cobra.ExactArgs(1),
		Long: "keys new prints a new key, ID:SECRET, as COATCHECK_KEYS takes it. It is the only command that prints a secret: send\n" +
			"the output to where your secrets are kept. To change keys, add the new one at the end on every server, then move it to\n" +
			"the front, call keys reseal, and take the old one out.",
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] == "env" || args[0] == "file" {
				return usagef("%s:... stands for a reference to keys: give the key another ID, such as k1", args[0])
			}
			key := keyring.Generate(args[0])
			if _, err := keyring.New(key); err != nil {
				return usageError{err}
			}
			_, err := fmt.Fprintln(a.out, key.Reveal())
			return err
		},
	}
}

func (a *app) keysCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Check the keys in COATCHECK_KEYS", Args: cobra.NoArgs,
		Long: "keys check reads COATCHECK_KEYS, which may be the keys, env:NAME or file:PATH, and says whether they are right. It\n" +
			"prints no key. coatcheck verify tells whether they open the sessions.",
		RunE: func(*cobra.Command, []string) error {
			text := os.Getenv("COATCHECK_KEYS")
			if text == "" {
				return usageError{errors.New("COATCHECK_KEYS is not set: values are not encrypted")}
			}
			if strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:") {
				secret, err := driver.ReadSecret(text)
				if err != nil {
					return fmt.Errorf("COATCHECK_KEYS: %w", err)
				}
				text = secret
			}
			keys, err := keyring.Parse(text)
			if err != nil {
				return fmt.Errorf("COATCHECK_KEYS: %w", err)
			}
			return a.print(map[string]any{"keys": keys.IDs()}, func(w io.Writer) {
				for i, id := range keys.IDs() {
					fmt.Fprintf(w, "%s\t%s\n", id, map[bool]string{true: "seals and opens", false: "opens"}[i == 0])
				}
			})
		},
	}
}

func (a *app) keysReseal() *cobra.Command {
	return &cobra.Command{
		Use: "reseal", Short: "Seal all sessions with the first key", Args: cobra.NoArgs,
		Long: "keys reseal seals every session anew that another key than the first of COATCHECK_KEYS has sealed. After it, the others\n" +
			"can be taken out. The application may run. What it was interrupted in, the next call goes on with.",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			m, err := a.open(ctx)
			if err != nil {
				return err
			}
			if m.Config().Keys == nil {
				return usagef("COATCHECK_KEYS is not set: there is nothing to seal with")
			}
			n, bar := 0, a.bar(ctx, m, "sealing")
			defer bar.done()
			for s, err := range a.sessions(ctx, m, "") {
				done := false
				if err == nil {
					done, err = m.Reseal(ctx, s.ID())
				}
				switch {
				case errors.Is(err, core.ErrEnded): // meanwhile
				case err != nil:
					return fmt.Errorf("sealed %s anew: %w", sessions(n), err)
				case done:
					n++
				}
				a.seen.Add(1)
				bar.add()
			}
			if a.seen.Load() == 0 && a.unread.Load() == 0 {
				a.noneHere(m)
			}
			err = a.print(map[string]int64{"sessions": a.seen.Load(), "resealed": int64(n)}, func(w io.Writer) {
				fmt.Fprintf(w, "sealed %d of %d sessions anew\n", n, a.seen.Load())
			})
			return errors.Join(err, a.notRead())
		},
	}
}
