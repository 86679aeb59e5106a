package memstore

import "github.com/coatcheck-go/coatcheck/core/driver"

// The bytes of a record beside its Data, Subject and Labels, and of a label beside its text.
const (
	overhead      = 190
	labelOverhead = 130
)

func size(data int, subject string, labels []string) int64 {
	n := overhead + data + len(subject)
	for _, label := range labels {
		n += labelOverhead + len(label)
	}
	return int64(n)
}

func (e *entry) size() int64 { return size(len(e.data), e.subject, e.labelled()) }

// reserve counts a record of new bytes that replaces one of old bytes; old is 0 if there is none. It returns an error
// if there is no room. A record that does not grow always fits.
func (s *Store) reserve(old, new int64) error {
	var records int64
	if old == 0 {
		records = 1
	}
	bytes := new - old
	if bytes > 0 && s.config.MaxBytes > 0 && new > s.config.MaxBytes {
		return errTooLarge
	}
	n, b := s.records.Add(records), s.bytes.Add(bytes)
	if records > 0 && s.config.MaxRecords > 0 && n > s.config.MaxRecords ||
		bytes > 0 && s.config.MaxBytes > 0 && b > s.config.MaxBytes {
		s.records.Add(-records)
		s.bytes.Add(-bytes)
		return errFull
	}
	return nil
}

// makeRoom removes some expired records if rec does not fit otherwise. Each call looks at a bounded part of the store,
// and the next call at the next part, so that a full store refuses quickly.
func (s *Store) makeRoom(rec *driver.Record) {
	const parts = 16
	for range parts {
		full := s.config.MaxRecords > 0 && s.records.Load() >= s.config.MaxRecords ||
			s.config.MaxBytes > 0 && s.bytes.Load()+size(len(rec.Data), rec.Subject, rec.Labels) > s.config.MaxBytes
		if !full || !s.sweep.mu.TryLock() {
			return
		}
		s.sweepPart(span)
		s.sweep.mu.Unlock()
	}
}
