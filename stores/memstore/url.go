package memstore

import (
	"context"
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func init() { driver.Register("memory", openURL) }

// openURL opens "memory:?max_records=100000&max_bytes=1000000000".
func openURL(_ context.Context, u *driver.URL) (driver.Backend, error) {
	var config Config
	u.Option("max_records", &config.MaxRecords)
	u.Option("max_bytes", &config.MaxBytes)
	if err := u.Check(); err != nil {
		return nil, err
	}
	if u.Rest != "" {
		return nil, errors.New("memory: has nothing after the colon but options")
	}
	return New(config)
}
