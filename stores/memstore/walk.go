package memstore

import (
	"context"
	"iter"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// All implements driver.Lister.
func (s *Store) All(context.Context) iter.Seq2[driver.Record, error] {
	return s.walk(func(sh *shard, found []driver.Record, now int64) []driver.Record {
		for e := range sh.all {
			if now < e.expires {
				found = append(found, e.record())
			}
		}
		return found
	})
}

// BySubject implements driver.Indexer. It asks the index of each shard, which takes about 50 microseconds in all. So
// sessions in different shards need no links.
func (s *Store) BySubject(_ context.Context, subject string) iter.Seq2[driver.Record, error] {
	return s.walk(func(sh *shard, found []driver.Record, now int64) []driver.Record {
		if subject == "" || sh.used == 0 {
			return found
		}
		for slot := *sh.headSubject(subject); slot != 0; {
			e := sh.at(slot)
			if e.subject == subject && now < e.expires {
				found = append(found, e.record())
			}
			slot = e.next[bySubject]
		}
		return found
	})
}

// ByLabel implements driver.Indexer. A shard in which no session ever had a label has no index.
func (s *Store) ByLabel(_ context.Context, label string) iter.Seq2[driver.Record, error] {
	return s.walk(func(sh *shard, found []driver.Record, now int64) []driver.Record {
		for _, slot := range sh.byLabel[label] {
			if e := sh.at(slot); now < e.expires {
				found = append(found, e.record())
			}
		}
		return found
	})
}

// walk yields the records that find returns for each shard. It holds no lock while it yields, so the loop may call the
// store.
func (s *Store) walk(find func(*shard, []driver.Record, int64) []driver.Record) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		var found []driver.Record
		for i := range s.shards {
			sh := s.at(i)
			sh.mu.Lock()
			found = find(sh, found[:0], s.now())
			sh.mu.Unlock()
			for _, rec := range found {
				if !yield(rec, nil) {
					return
				}
			}
		}
	}
}
