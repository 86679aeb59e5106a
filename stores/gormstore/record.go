package gormstore

import (
	"fmt"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// maxData is half of 4 MiB, the smallest default of max_allowed_packet in any MySQL since 5.6.
const maxData = 2 << 20

// fits reports whether Create can store rec. The store checks it first, because MySQL might cut values off.
func fits(rec *driver.Record) bool {
	tooLong := func(label string) bool { return len(label) > driver.MaxSubject }
	return !tooLong(rec.Subject) && len(rec.Labels) <= driver.MaxLabels &&
		!slices.ContainsFunc(rec.Labels, tooLong) && len(rec.Data) <= maxData
}

// notNull returns data, but never nil, which would become NULL.
func notNull(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

// values returns the arguments of an INSERT, in the order of columns.
func values(rec *driver.Record, version int64) []any {
	labels := [driver.MaxLabels][]byte{{}, {}, {}}
	for i, label := range rec.Labels {
		labels[i] = []byte(label)
	}
	return []any{
		rec.ID.String(), []byte(rec.Subject), labels[0], labels[1], labels[2],
		rec.Created.UnixMicro(), rec.Used.UnixMicro(), rec.Expires.UnixMicro(), version, notNull(rec.Data),
	}
}

// row holds a record's columns.
type row struct {
	id                     idColumn
	subject                string
	labels                 [driver.MaxLabels]string // "": no label
	created, used, expires int64
	version                int64
	data                   []byte
}

func (r *row) dest() []any {
	return []any{
		&r.id, &r.subject, &r.labels[0], &r.labels[1], &r.labels[2],
		&r.created, &r.used, &r.expires, &r.version, &r.data,
	}
}

func (r *row) record() driver.Record {
	var labels []string
	for _, label := range r.labels {
		if label != "" {
			labels = append(labels, label)
		}
	}
	return driver.Record{
		ID:      driver.ID(r.id),
		Subject: r.subject,
		Labels:  labels,
		Created: time.UnixMicro(r.created),
		Used:    time.UnixMicro(r.used),
		Expires: time.UnixMicro(r.expires),
		Version: uint64(r.version),
		Data:    r.data,
	}
}

// idColumn parses an ID while it is scanned.
type idColumn driver.ID

// Scan implements sql.Scanner.
func (c *idColumn) Scan(src any) error {
	var text string
	switch src := src.(type) {
	case string:
		text = src
	case []byte:
		text = string(src)
	default:
		return driver.Corrupt(fmt.Sprintf("gormstore: an id of type %T", src))
	}
	id, err := driver.ParseID(text)
	if err != nil {
		return driver.Corrupt("gormstore: an id that is not 64 lower-case hexadecimal digits")
	}
	*c = idColumn(id)
	return nil
}
