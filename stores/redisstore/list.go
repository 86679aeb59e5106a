package redisstore

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// All implements driver.Lister. It treats unreadable records as BySubject does. It scans every master. A scan may
// return a key twice, so All remembers the IDs that it has seen, at 32 bytes and a map's overhead for each.
func (s *Store) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		w := walk{s: s, ctx: ctx, yield: yield, seen: map[driver.ID]bool{}}
		nodes := s.client.Nodes()
		if len(nodes) == 0 { // a Cluster of which the client does not know the nodes
			w.stop(oddReply(opAll))
			return
		}
		for _, node := range nodes {
			if !w.node(node) {
				return
			}
		}
		if w.unreadable != nil {
			w.stop(w.unreadable)
		}
	}
}

type walk struct {
	s     *Store
	ctx   context.Context
	yield func(driver.Record, error) bool
	seen  map[driver.ID]bool

	unreadable error // of a record that cannot be read
}

const opAll = "redisstore: list"

// node scans one node, and reports whether the walk goes on. It skips replicas, which hold nothing that a master does
// not.
func (w *walk) node(node rueidis.Client) bool {
	replica, err := w.isReplica(node)
	if err != nil || replica {
		return err == nil || w.stop(err)
	}
	pattern := escape(w.s.sessions) + "*"
	for cursor := uint64(0); ; {
		var page rueidis.ScanEntry
		err := w.s.guard(w.ctx, opAll, 0, func(ctx context.Context) (err error) {
			page, err = scan(node.Do(ctx, node.B().Scan().Cursor(cursor).Match(pattern).Count(256).Build()))
			return err
		})
		if err != nil {
			return w.stop(err)
		}
		if !w.page(page.Elements) {
			return false
		}
		if cursor = page.Cursor; cursor == 0 {
			return true
		}
	}
}

func (w *walk) stop(err error) bool {
	w.yield(driver.Record{}, err)
	return false
}

func (w *walk) isReplica(node rueidis.Client) (bool, error) {
	var name string
	err := w.s.guard(w.ctx, opAll, 0, func(ctx context.Context) error {
		role, err := node.Do(ctx, node.B().Role().Build().ToRetryable()).ToArray()
		if err != nil {
			return err
		}
		if len(role) == 0 || !role[0].IsString() {
			return errOddReply
		}
		name, err = role[0].ToString()
		return err
	})
	if rueidis.IsRedisNil(err) {
		err = oddReply(opAll)
	}
	return name == "slave", err
}

// scan reads the reply to SCAN: a cursor and keys.
func scan(r rueidis.RedisResult) (rueidis.ScanEntry, error) {
	page, err := r.AsScanEntry()
	// AsScanEntry returns "" for an element that is no string.
	if rueidis.IsRedisNil(err) || err == nil && slices.Contains(page.Elements, "") {
		err = errOddReply
	}
	return page, err
}

// page yields the live records of a page of keys.
func (w *walk) page(keys []string) bool {
	var ids []driver.ID
	for _, key := range keys {
		id, err := driver.ParseID(strings.TrimPrefix(key, w.s.sessions))
		if err == nil && !w.seen[id] { // a key of another program may match the pattern and is no ID
			w.seen[id] = true
			ids = append(ids, id)
		}
	}
	for len(ids) > 0 {
		n := min(len(ids), batchSize)
		replies, err := w.s.loadAll(w.ctx, opAll, ids[:n])
		if err != nil {
			return w.stop(err)
		}
		for i, r := range replies {
			rec, err := w.s.readReply(w.ctx, r, ids[i])
			if errors.Is(err, driver.ErrNotFound) {
				continue
			}
			if unreadable(err) {
				w.unreadable = err
				continue
			}
			if !w.yield(rec, err) || err != nil {
				return false
			}
		}
		ids = ids[n:]
	}
	return true
}

// escape returns a pattern that matches only the text itself.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(text)
}
