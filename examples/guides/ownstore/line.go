package ownstore

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A line is the format's number, the ID, and the record as JSON; or "gone" after a Delete. All later formats begin with
// a number and an ID, so that this release knows which records it cannot read.
//
//	1 9f86d0…0a08 {"subject":"YWxpY2U=","created":1767225600000000, …}
//	1 9f86d0…0a08 gone
const format = 1

// body is the JSON of a record. Subject and Labels are bytes, since JSON would change text that is not UTF-8. Times are
// microseconds since 1970.
type body struct {
	Subject []byte   `json:"subject,omitempty"`
	Labels  [][]byte `json:"labels,omitempty"`
	Created int64    `json:"created"`
	Used    int64    `json:"used"`
	Expires int64    `json:"expires"`
	Version uint64   `json:"version"`
	Data    []byte   `json:"data,omitempty"`
}

// encode returns the line for rec. It copies all that it keeps.
func encode(rec *driver.Record) ([]byte, error) {
	b := body{
		Subject: []byte(rec.Subject), Version: rec.Version, Data: rec.Data,
		Created: rec.Created.UnixMicro(), Used: rec.Used.UnixMicro(), Expires: rec.Expires.UnixMicro(), // cuts off what is finer
	}
	for _, label := range rec.Labels {
		b.Labels = append(b.Labels, []byte(label))
	}
	text, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	return line(rec.ID, text), nil
}

func goneLine(id driver.ID) []byte { return line(id, []byte("gone")) }

func line(id driver.ID, text []byte) []byte {
	begin := strconv.Itoa(format) + " " + id.String() + " "
	return append(append([]byte(begin), text...), '\n')
}

// parse reads a line. Also with ErrNotFound and ErrUnreadable the record has its ID.
func parse(text []byte) (rec driver.Record, err error) {
	number, rest, _ := bytes.Cut(bytes.TrimSuffix(text, []byte("\n")), []byte(" "))
	id, rest, _ := bytes.Cut(rest, []byte(" "))
	n, err := strconv.Atoi(string(number))
	if err != nil || n < 1 || rec.ID.UnmarshalText(id) != nil {
		return driver.Record{}, driver.Corrupt("ownstore")
	}
	switch {
	case n > format:
		return rec, driver.Unreadable("ownstore") // a newer release wrote it: kept, and not changed
	case string(rest) == "gone":
		return rec, errNotFound
	}
	var b body
	if json.Unmarshal(rest, &b) != nil {
		return driver.Record{}, driver.Corrupt("ownstore")
	}
	for _, label := range b.Labels {
		rec.Labels = append(rec.Labels, string(label))
	}
	rec.Subject, rec.Version, rec.Data = string(b.Subject), b.Version, b.Data
	rec.Created, rec.Used, rec.Expires = time.UnixMicro(b.Created), time.UnixMicro(b.Used), time.UnixMicro(b.Expires)
	return rec, nil
}
