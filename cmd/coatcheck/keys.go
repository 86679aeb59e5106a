package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
)

func (a *app) keys() *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "Make and check keys"}
	c.AddCommand(a.keysNew(), a.keysCheck())
	return c
}

func (a *app) keysNew() *cobra.Command {
	return &cobra.Command{
		Use: "new ID", Short: "Make a new key", Args: cobra.ExactArgs(1),
		Long: "keys new prints a new key, ID:SECRET, as COATCHECK_KEYS takes it. It is the only command that prints a secret: send\n" +
			"the output to where your secrets are kept. To change keys, add the new one at the end on every server, then move it to\n" +
			"the front, and take the old one out after COATCHECK_LIFETIME.",
		RunE: func(_ *cobra.Command, args []string) error {
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
			if secret, err := driver.ReadSecret(text); err == nil {
				text = secret
			}
			keys, err := keyring.Parse(text)
			if err != nil {
				return fmt.Errorf("COATCHECK_KEYS: %w", err)
			}
			return a.print(map[string]any{"keys": keys.String()}, func(w io.Writer) { fmt.Fprintf(w, "%s: right\n", keys) })
		},
	}
}
