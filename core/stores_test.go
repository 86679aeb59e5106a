package core_test

import (
	"context"
	"errors"
	"sync"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// plain hides the optional abilities of a store, so that core must do without.
type plain struct{ driver.Store }

// successor is a store that lets one session take another's place in one step.
type successor struct {
	*memstore.Store
	mu sync.Mutex
}

func (s *successor) Create(ctx context.Context, rec *driver.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store.Create(ctx, rec)
}

func (s *successor) Update(ctx context.Context, rec *driver.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store.Update(ctx, rec)
}

func (s *successor) Delete(ctx context.Context, id driver.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store.Delete(ctx, id)
}

func (s *successor) Succeed(ctx context.Context, old, next *driver.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	inserted := *next
	if err := s.Store.Create(ctx, &inserted); err != nil {
		return err
	}
	if err := s.Store.Update(ctx, old); err != nil {
		return errors.Join(err, s.Store.Delete(ctx, next.ID))
	}
	next.Version = inserted.Version
	return nil
}

// kinds of store that core does differ with.
var kinds = map[string]func() driver.Store{
	"two steps": func() driver.Store { return made.Of(memstore.New(memstore.Config{})) },
	"one step":  func() driver.Store { return &successor{Store: made.Of(memstore.New(memstore.Config{}))} },
}
