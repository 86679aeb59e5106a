package memstore

import (
	"context"
	"strconv"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/inspect"
)

// Inspect implements driver.Inspector: the number of records, the bytes that MaxBytes counts, and the two bounds.
// Expired records count until they are swept. It warns if less than a tenth of a bound is left.
func (s *Store) Inspect(context.Context) ([]driver.Finding, error) {
	count := func(n uint64) string { return strconv.FormatUint(n, 10) }
	return []driver.Finding{
		bounded("records", "MaxRecords", s.records.Load(), s.config.MaxRecords, count),
		bounded("bytes", "MaxBytes", s.bytes.Load(), s.config.MaxBytes, inspect.Size),
	}, nil
}

func bounded(name, field string, used, bound int64, text func(uint64) string) driver.Finding {
	f := driver.Finding{Name: name, Value: text(uint64(max(used, 0))) + ", no bound"}
	if bound > 0 {
		f.Value = text(uint64(max(used, 0))) + " of " + text(uint64(bound))
	}
	if inspect.NearlyFull(uint64(max(used, 0)), uint64(bound)) {
		f.Warning = "a full store refuses new sessions: raise Config." + field
	}
	return f
}
