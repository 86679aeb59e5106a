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
// return a key twice, so All remembers the last IDs that it has seen: see window.
func (s *Store) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		w := walk{s: s, ctx: ctx, yield: yield}
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
	seen  window

	unreadable error // of a record that cannot be read
}

// window remembers the last IDs of a scan, in constant memory for any number of sessions.
//
// SCAN goes through the buckets of Redis's table, and returns a key again only if the table has shrunk meanwhile: its
// cursor then goes back to the beginning of one bucket of the smaller table. The buckets that were joined there came
// just before. So a key would have to come back after windowSize others for the window to miss it, and to make that
// many in one bucket, Redis would have to lose all but one in windowSize of its keys during the walk. On a Cluster that
// moves slots meanwhile, a key may come back from the node that it moved to, after more than that.
type window struct{ newer, older map[driver.ID]struct{} }

const windowSize = 20_000

// add reports whether id is new.
func (w *window) add(id driver.ID) bool {
	_, newer := w.newer[id]
	_, older := w.older[id]
	if newer || older {
		return false
	}
	if w.newer == nil || len(w.newer) == windowSize {
		w.older, w.newer = w.newer, map[driver.ID]struct{}{}
	}
	w.newer[id] = struct{}{}
	return true
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
			page, err = scan(node.Do(ctx, node.B().Scan().Cursor(cursor).Match(pattern).Count(256).Build().Pin()))
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
		role, err := node.Do(ctx, node.B().Role().Build().ToRetryable().Pin()).ToArray()
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
		if err == nil && w.seen.add(id) { // a key of another program may match the pattern and is no ID
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
