package serverstores

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/memcachestore"
)

// listed is a memcachestore with All, for the rules that count records. It finds those that this process has created
// and those whose names the server dumps. The dump misses items that are moved meanwhile, and more on a busy machine.
type listed struct {
	*memcachestore.Store
	address, prefix string
}

// created are the IDs of the records that this process has created, or tried to, by prefix.
var created struct {
	sync.Mutex
	ids map[string][]driver.ID
}

func (l listed) Create(ctx context.Context, rec *driver.Record) error {
	created.Lock()
	if created.ids == nil {
		created.ids = map[string][]driver.ID{}
	}
	created.ids[l.prefix] = append(created.ids[l.prefix], rec.ID)
	created.Unlock()
	return l.Store.Create(ctx, rec)
}

func (l listed) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		created.Lock()
		ids := slices.Clone(created.ids[l.prefix])
		created.Unlock()
		for range 2 { // the first dump may miss items that were moved
			some, err := l.ids()
			if err != nil {
				yield(driver.Record{}, driver.Unavailable("list", err))
				return
			}
			ids = append(ids, some...)
		}
		slices.SortFunc(ids, func(a, b driver.ID) int { return bytes.Compare(a[:], b[:]) })
		for _, id := range slices.Compact(ids) {
			rec, err := l.Load(ctx, id)
			if errors.Is(err, driver.ErrNotFound) {
				continue
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// ids dumps the names again while another dump is under way: the server makes one at a time.
func (l listed) ids() (ids []driver.ID, err error) {
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if ids, err = l.dump(); err == nil || !strings.Contains(err.Error(), "BUSY") || time.Now().After(end) {
			return ids, err
		}
	}
}

func (l listed) dump() (ids []driver.ID, err error) {
	c, err := net.DialTimeout("tcp", l.address, patience)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "lru_crawler metadump all\r\n"); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		line := lines.Text()
		if line == "END" {
			return ids, nil
		}
		name, item := strings.CutPrefix(line, "key=")
		if !item {
			return nil, fmt.Errorf("memcached: %s", line)
		}
		name, _, _ = strings.Cut(name, " ")
		name = strings.ReplaceAll(name, "%3A", ":")
		var id driver.ID
		// Shorter and longer names are items of the index.
		if digits, ours := strings.CutPrefix(name, l.prefix); ours && len(digits) == hex.EncodedLen(len(id)) {
			if _, err := hex.Decode(id[:], []byte(digits)); err == nil {
				ids = append(ids, id)
			}
		}
	}
	return nil, errors.Join(lines.Err(), io.ErrUnexpectedEOF)
}
