package core

import "github.com/coatcheck-go/coatcheck/core/driver"

// held is a record as core holds it between two calls of the store: less than half as large as a driver.Record, since
// each request has one. Times are in microseconds since 1970. Labels are the store's to keep.
type held struct {
	ID                     driver.ID
	Subject                string
	Version                uint64
	Data                   []byte
	Created, Used, Expires int64
}

func hold(rec *driver.Record) held {
	return held{
		ID: rec.ID, Subject: rec.Subject, Version: rec.Version, Data: rec.Data,
		Created: micros(rec.Created), Used: micros(rec.Used), Expires: micros(rec.Expires),
	}
}

// record is what a store is given.
func (h *held) record() driver.Record {
	return driver.Record{
		ID: h.ID, Subject: h.Subject, Version: h.Version, Data: h.Data,
		Created: fromMicros(h.Created), Used: fromMicros(h.Used), Expires: fromMicros(h.Expires),
	}
}
