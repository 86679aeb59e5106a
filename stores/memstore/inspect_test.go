package memstore

import (
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A store that is nearly full says so.
func TestInspect(t *testing.T) {
	s, err := New(Config{MaxRecords: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		found, err := s.Inspect(t.Context())
		if err != nil || len(found) != 2 || found[0].Warning != "" || !strings.HasSuffix(found[0].Value, " of 10") || !strings.HasSuffix(found[1].Value, "no bound") {
			t.Fatalf("%+v, %v", found, err)
		}
		if err := s.Create(t.Context(), &driver.Record{ID: driver.ID{byte(i)}, Expires: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if found, _ := s.Inspect(t.Context()); found[0].Value != "10 of 10" || !strings.Contains(found[0].Warning, "MaxRecords") {
		t.Errorf("%+v", found)
	}
}
