package core

import "github.com/coatcheck-go/coatcheck/core/driver"

// held is a record as core holds it between two calls of the store. Each request has one, so it is less than half as
// large as a driver.Record. Times are in microseconds since 1970. It has no Labels: the store keeps those.
type held struct {
	ID                     driver.ID
	Subject                string
	Version, Epoch         uint64
	Data                   []byte
	Created, Used, Expires int64
}

func hold(rec *driver.Record) held {
	return held{
		ID: rec.ID, Subject: rec.Subject, Version: rec.Version, Epoch: rec.Epoch, Data: rec.Data,
		Created: micros(rec.Created), Used: micros(rec.Used), Expires: micros(rec.Expires),
	}
}

// record returns h as a store is given it.
func (h *held) record() driver.Record {
	return driver.Record{
		ID: h.ID, Subject: h.Subject, Version: h.Version, Epoch: h.Epoch, Data: h.Data,
		Created: fromMicros(h.Created), Used: fromMicros(h.Used), Expires: fromMicros(h.Expires),
	}
}
