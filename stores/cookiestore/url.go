package cookiestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
)

func init() { driver.Register("cookie", openURL) }

// openURL opens "cookie:?keys=env:SESSION_KEYS&revocations=redis://localhost:6379/0".
func openURL(ctx context.Context, u *driver.URL) (driver.Backend, error) {
	secret := u.Secret("keys")
	var revocations string
	u.Option("revocations", &revocations)
	if err := u.Check(); err != nil {
		return nil, err
	}
	switch {
	case u.Rest != "":
		return nil, errors.New("cookie: has nothing after the colon but options")
	case secret == "":
		return nil, errors.New("cookie: needs keys=env:NAME or keys=file:PATH, with keys as keyring.Parse reads them")
	}
	keys, err := keyring.Parse(secret)
	if err != nil {
		return nil, fmt.Errorf("option keys: %w", err)
	}
	if revocations == "" {
		return New(keys, NoRevocation(), Config{})
	}
	ended, err := u.OpenOther(ctx, revocations, false)
	if err != nil {
		return nil, fmt.Errorf("option revocations: %w", err)
	}
	store, err := New(keys, RevokeIn(ended), Config{})
	if err != nil {
		return nil, errors.Join(err, driver.Close(ended))
	}
	return store, nil
}
