package crossingstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func init() { driver.RegisterLayer("from", layer) }

// layer reads "from=file:./sessions" in the URL of the new store. The old store must be there: it is never made.
func layer(u *driver.URL, fromURL string) func(context.Context, driver.Store) (driver.Store, error) {
	return func(ctx context.Context, to driver.Store) (driver.Store, error) {
		from, err := u.OpenOld(ctx, fromURL)
		if err != nil {
			return nil, fmt.Errorf("option from: %w", err)
		}
		store, err := New(to, from, Config{})
		if err == nil {
			err = store.distinct(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, driver.Close(from))
		}
		return store, nil
	}
}
