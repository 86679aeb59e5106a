package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// model is a store in memory with every ability, an outage and a newer format. It must pass the suite, and each mutant
// of it must fail. The Example of package driver is the plainest store.
type model struct {
	mu    sync.Mutex
	recs  map[driver.ID]driver.Record
	newer map[driver.ID]bool // the records of a newer format
	torn  map[driver.ID]bool // the damaged records
	now   func() time.Time
	down  error       // what all calls answer during an outage
	full  bool        // larger Data does not fit
	block atomic.Bool // calls wait until their context ends

	watches map[*driver.ID]func() // see mutants_watch_test.go
}

const modelMaxData = 1 << 16

var (
	errNotFound = fmt.Errorf("model: %w", driver.ErrNotFound)
	errExists   = fmt.Errorf("model: %w", driver.ErrExists)
	errConflict = fmt.Errorf("model: %w", driver.ErrConflict)
	errTooLarge = fmt.Errorf("model: %w", driver.ErrTooLarge)
	errFull     = driver.Unavailable("model", errors.New("no space left"))
)

func (m *model) ready(ctx context.Context) error {
	if m.block.Load() {
		<-ctx.Done()
	}
	if err := ctx.Err(); err != nil {
		return driver.Unavailable("model", err)
	}
	return m.down
}

// fits says whether a record can be written.
func (m *model) fits(rec *driver.Record) error {
	switch {
	case len(rec.Data) > modelMaxData:
		return errTooLarge
	case m.full && len(rec.Data) > 1000:
		return errFull
	}
	return nil
}

func (m *model) Info() driver.Info { return driver.Info{Name: "model"} }

func (m *model) live(id driver.ID) (driver.Record, error) {
	rec, ok := m.recs[id]
	switch {
	case m.newer[id]:
		return driver.Record{}, driver.Unreadable("model")
	case m.torn[id]:
		return driver.Record{}, driver.Corrupt("model")
	case !ok || !rec.Live(m.now()):
		return driver.Record{}, errNotFound
	}
	return rec, nil
}

func (m *model) put(rec *driver.Record, version uint64) {
	rec.Version = version
	kept := *rec
	kept.Created, kept.Used = rec.Created.Truncate(time.Microsecond), rec.Used.Truncate(time.Microsecond)
	kept.Expires, kept.Exact = rec.Expires.Truncate(time.Microsecond), false
	kept.Labels, kept.Data = slices.Clip(slices.Clone(rec.Labels)), slices.Clip(rec.Data)
	m.recs[rec.ID] = kept
}

// replace does an Update that mayUpdate has allowed.
func (m *model) replace(rec *driver.Record) {
	kept := m.recs[rec.ID]
	if rec.Subject == "" {
		kept.Subject, kept.Labels = "", nil
	}
	if rec.Exact || rec.Expires.After(kept.Expires) {
		kept.Expires = rec.Expires
	}
	kept.Used, kept.Data = latest(kept.Used, rec.Used), rec.Data
	rec.Version++
	m.put(&kept, rec.Version)
	m.tell(rec.ID)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (m *model) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return driver.Record{}, err
	}
	return m.live(id)
}

func (m *model) mayCreate(ctx context.Context, rec *driver.Record) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	if _, err := m.live(rec.ID); err != errNotFound {
		return errExists
	}
	return m.fits(rec)
}

func (m *model) Create(ctx context.Context, rec *driver.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.mayCreate(ctx, rec)
	if err == nil {
		m.put(rec, 1)
	}
	return err
}

func (m *model) mayUpdate(ctx context.Context, rec *driver.Record) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	old, err := m.live(rec.ID)
	if err == nil && old.Version != rec.Version {
		err = errConflict
	}
	if err == nil {
		err = m.fits(rec)
	}
	return err
}

func (m *model) Update(ctx context.Context, rec *driver.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.mayUpdate(ctx, rec)
	if err == nil {
		m.replace(rec)
	}
	return err
}

func (m *model) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return err
	}
	rec, err := m.live(id)
	if err == nil && rec.Version != version {
		return errConflict
	}
	if err == nil {
		rec.Used, rec.Expires = latest(rec.Used, used), latest(rec.Expires, expires)
		m.put(&rec, rec.Version)
	}
	return err
}

func (m *model) Delete(ctx context.Context, id driver.ID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return err
	}
	delete(m.recs, id)
	delete(m.newer, id)
	delete(m.torn, id)
	m.tell(id)
	return nil
}

func (m *model) Succeed(ctx context.Context, old, next *driver.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.mayCreate(ctx, next); err != nil {
		return err
	}
	if err := m.mayUpdate(ctx, old); err != nil {
		return err
	}
	m.put(next, 1)
	m.replace(old)
	return nil
}

func (m *model) Reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	return m.Load(ctx, id)
}

func (m *model) Sweep(ctx context.Context, limit int) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return 0, err
	}
	for id, rec := range m.recs {
		if n < limit && !m.newer[id] && !m.torn[id] && !rec.Live(m.now()) {
			delete(m.recs, id)
			n++
		}
	}
	return n, nil
}

func (m *model) walk(ctx context.Context, match func(driver.Record) bool) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		m.mu.Lock()
		var found []driver.Record
		var unreadable error
		for _, rec := range m.recs {
			switch {
			case !rec.Live(m.now()) || !match(rec):
			case m.newer[rec.ID]:
				unreadable = driver.Unreadable("model")
			case m.torn[rec.ID]:
				unreadable = driver.Corrupt("model")
			default:
				found = append(found, rec)
			}
		}
		err := m.ready(ctx)
		m.mu.Unlock()
		if err != nil {
			yield(driver.Record{}, err)
			return
		}
		for _, rec := range found {
			if !yield(rec, nil) {
				return
			}
		}
		if unreadable != nil {
			yield(driver.Record{}, unreadable)
		}
	}
}

func (m *model) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return m.walk(ctx, func(driver.Record) bool { return true })
}

func (m *model) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return m.walk(ctx, func(rec driver.Record) bool { return subject != "" && rec.Subject == subject })
}

func (m *model) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return m.walk(ctx, func(rec driver.Record) bool { return slices.Contains(rec.Labels, label) })
}

func (m *model) CreateLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.mayCreate(ctx, rec); err != nil {
		return nil, err
	}
	var found []driver.Record
	var newer []driver.ID
	for id, r := range m.recs {
		switch {
		case r.Subject != rec.Subject || !r.Live(m.now()):
		case m.newer[id]:
			newer = append(newer, id)
		default:
			found = append(found, r)
		}
	}
	remove, err := limit.Surplus(rec, found, newer)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	m.put(rec, 1)
	for _, id := range remove {
		delete(m.recs, id)
	}
	return remove, nil
}

func (m *model) Count(ctx context.Context, namespace [16]byte) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, rec := range m.recs {
		if rec.Live(m.now()) && [16]byte(id[16:]) == namespace && !driver.Ended(rec.Data) {
			n++
		}
	}
	return n, m.ready(ctx)
}

func (m *model) Ping(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ready(ctx)
}

func (m *model) LoadReported(ctx context.Context, id driver.ID) (driver.Record, bool, error) {
	rec, err := m.Load(ctx, id)
	return rec, err == nil, err
}

func (m *model) Breakers() map[string]bool { return map[string]bool{"memory": false} }

func (m *model) Inspect(ctx context.Context) ([]driver.Finding, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []driver.Finding{{Name: "records", Value: strconv.Itoa(len(m.recs))}}, m.ready(ctx)
}

// Check finds nothing, since the model has no index.
func (m *model) Check(ctx context.Context, fix bool) iter.Seq2[driver.Problem, error] {
	return func(yield func(driver.Problem, error) bool) {
		m.mu.Lock()
		err := m.ready(ctx)
		m.mu.Unlock()
		if err != nil {
			yield(driver.Problem{}, err)
		}
	}
}

func (m *model) Close() error { return nil }

// modelHarness makes models. Each handle is what wrap makes of the model.
func modelHarness(clock *Clock, wrap func(*model) driver.Store) Harness {
	var last *model
	now := time.Now
	if clock != nil {
		now = clock.Now
	}
	return Harness{
		Clock: clock, MaxData: modelMaxData,
		New: func(testing.TB) func(testing.TB) driver.Store {
			m := &model{recs: map[driver.ID]driver.Record{}, newer: map[driver.ID]bool{}, torn: map[driver.ID]bool{}, now: now}
			last = m
			return func(testing.TB) driver.Store { return wrap(m) }
		},
		Newer: func(tb testing.TB, id driver.ID) func() {
			m := last
			m.mu.Lock()
			defer m.mu.Unlock()
			m.newer[id] = true
			return func() {
				m.mu.Lock()
				defer m.mu.Unlock()
				if _, ok := m.recs[id]; !ok {
					tb.Fatal("the record is gone")
				}
				delete(m.newer, id)
			}
		},
		Outages: map[string]func(testing.TB) func(){
			"down": func(testing.TB) func() {
				set := func(err error) { last.mu.Lock(); last.down = err; last.mu.Unlock() }
				set(driver.Unavailable("model", ErrInjected))
				return func() { set(nil) }
			},
		},
		WriteOutages: map[string]func(testing.TB) func(){
			"full": func(testing.TB) func() {
				set := func(full bool) { last.mu.Lock(); last.full = full; last.mu.Unlock() }
				set(true)
				return func() { set(false) }
			},
		},
		Block: func(testing.TB) func() {
			last.block.Store(true)
			return func() { last.block.Store(false) }
		},
		Damage: func(_ testing.TB, id driver.ID) {
			last.mu.Lock()
			defer last.mu.Unlock()
			last.torn[id] = true
		},
	}
}

func unchangedModel(m *model) driver.Store { return m }
