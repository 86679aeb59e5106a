package memstore_test

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/urltest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestURL(t *testing.T) {
	urltest.Options(t, "memory:?", "", memstore.Config{}, "Now")
	store := urltest.Open(t, "memory:?max_records=1&max_bytes=100000").(driver.Store)
	rec := driver.Record{ID: driver.ID{1}, Expires: time.Now().Add(time.Hour), Data: []byte("x")}
	if err := store.Create(t.Context(), &rec); err != nil {
		t.Error(err)
	}
	rec.ID = driver.ID{2}
	if err := store.Create(t.Context(), &rec); err == nil {
		t.Error("max_records=1 let two in")
	}
	urltest.Refused(t, map[string]string{
		"memory:5":               "nothing after the colon",
		"memory:?max_records=-1": "MaxRecords",
		"memory:?max_bytes=1MB":  "option max_bytes is a whole number",
		"memory:?max_byte=1":     "did you mean max_bytes?",
	})
}
