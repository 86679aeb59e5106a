package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func (a *app) sweep() *cobra.Command {
	return &cobra.Command{
		Use: "sweep", Short: "Remove expired sessions", Args: cobra.NoArgs,
		Long: "sweep removes the sessions that have expired, as Django's clearsessions does. Applications do it by themselves every\n" +
			"ten minutes, unless COATCHECK_SWEEP_INTERVAL says otherwise.",
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := a.open(c.Context())
			if err != nil {
				return err
			}
			n, err := m.Sweep(c.Context())
			a.seen.Store(int64(n))
			if err != nil {
				return fmt.Errorf("%d records are removed: %w", n, err)
			}
			alone := driver.AbilitiesOf(m.Config().Store).Sweeper == nil
			return a.print(map[string]any{"removed": n, "store_forgets_by_itself": alone}, func(w io.Writer) {
				if alone {
					fmt.Fprintf(w, "nothing to do: %s forgets expired sessions by itself\n", m.Info().Name)
				} else {
					fmt.Fprintf(w, "removed %d expired sessions\n", n)
				}
			})
		},
	}
}
