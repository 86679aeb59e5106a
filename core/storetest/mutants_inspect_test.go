package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// changeFindings changes what Inspect finds.
func changeFindings(change func(b *broken, found []driver.Finding) []driver.Finding) func(b *broken) {
	return func(b *broken) {
		b.inspect = func(ctx context.Context) ([]driver.Finding, error) {
			found, err := b.model.Inspect(ctx)
			return change(b, found), err
		}
	}
}

func finds(name, value string) func(b *broken) {
	return changeFindings(func(_ *broken, found []driver.Finding) []driver.Finding {
		return append(found, driver.Finding{Name: name, Value: value})
	})
}

var inspectMutants = []mutant{
	{"has a finding without a name", "InspectTellsOfTheStorage", finds("", "1")},
	{"has a finding without a value", "InspectTellsOfTheStorage", finds("version", "")},
	{"names two findings alike", "InspectTellsOfTheStorage", finds("records", "2")},
	{"finds nothing", "InspectTellsOfTheStorage", changeFindings(func(*broken, []driver.Finding) []driver.Finding { return nil })},
	{"names findings anew each time", "InspectTellsOfTheStorage", func(b *broken) {
		n := 0
		changeFindings(func(_ *broken, found []driver.Finding) []driver.Finding {
			n++
			return append(found, driver.Finding{Name: fmt.Sprint(n), Value: "1"})
		})(b)
	}},
	{"cannot be inspected", "InspectTellsOfTheStorage", func(b *broken) {
		b.inspect = func(context.Context) ([]driver.Finding, error) {
			return nil, driver.Unavailable("model", errors.New("no permission"))
		}
	}},
	{"tries a write on a record", "InspectTellsOfTheStorage", changeFindings(func(b *broken, found []driver.Finding) []driver.Finding {
		b.mu.Lock()
		defer b.mu.Unlock()
		for id, rec := range b.recs {
			rec.Version++
			b.recs[id] = rec
		}
		return found
	})},
	{"shows the last subject", "InspectShowsNoRecord", changeFindings(func(b *broken, found []driver.Finding) []driver.Finding {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, rec := range b.recs {
			found = append(found, driver.Finding{Name: "last sign-in", Value: rec.Subject})
		}
		return found
	})},
	{"warns of a record by its ID", "InspectShowsNoRecord", changeFindings(func(b *broken, found []driver.Finding) []driver.Finding {
		b.mu.Lock()
		defer b.mu.Unlock()
		for id := range b.recs {
			found[0].Warning = "the largest is " + id.String()
		}
		return found
	})},
	{"inspects what it remembers", "OutageIsUnavailable ContextCanceled", func(b *broken) {
		b.inspect = func(context.Context) ([]driver.Finding, error) {
			return []driver.Finding{{Name: "records", Value: "7"}}, nil
		}
	}},
}
