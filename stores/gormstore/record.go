package gormstore

import (
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// maxData is half of the smallest default of max_allowed_packet that a MySQL had
// since 5.6, 4 MiB.
const maxData = 2 << 20

func fits(rec *driver.Record) bool {
	return len(rec.Subject) <= driver.MaxSubject && len(rec.Data) <= maxData
}

// filled is never nil, which would be NULL.
func filled(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

// row is a record as its columns come.
type row struct {
	id               idColumn
	subject          string
	created, expires int64
	version          int64
	data             []byte
}

func (r *row) dest() []any {
	return []any{&r.id, &r.subject, &r.created, &r.expires, &r.version, &r.data}
}

func (r *row) record() driver.Record {
	return driver.Record{
		ID:      driver.ID(r.id),
		Subject: r.subject,
		Created: time.UnixMicro(r.created),
		Expires: time.UnixMicro(r.expires),
		Version: uint64(r.version),
		Data:    r.data,
	}
}

// idColumn reads an ID in one step.
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
