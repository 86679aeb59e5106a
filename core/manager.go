package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
)

// Manager holds the settings and the store. One Manager serves all requests, and all its methods may be called
// concurrently. Several managers, with cookies of different names, may serve one application.
type Manager struct {
	printer[*Manager]

	cfg   Config
	given Config // as New got it, without defaults
	info  driver.Info

	// One of these two is set.
	store  driver.Store
	tokens driver.TokenStore

	can driver.Abilities // of the store

	space        namespace
	clock        roughClock
	exact        bool   // the clock must not be a second late, or is Config.Now
	binding      []byte // associated data of sealed records, up to the ID
	carriers     []carrier
	vary         string // the names of their headers
	cookiePrefix string
	cookieSuffix string // attributes
	idleSuffix   string // Max-Age=IdleTimeout, then attributes

	throttle throttle
	outage   outage
	watches  watches
	plain    atomic.Bool // SentPlain has warned

	stop    context.CancelFunc // ends the background work
	stopped sync.WaitGroup
	closing sync.Once
	closed  error // what the store's Close returned
}

// New checks cfg and returns a Manager. The error names the field that is wrong, and the variable that set it, if
// ConfigFromEnv did. If the store needs sweeping, New starts the background sweeper; Close ends it.
func New(cfg Config) (*Manager, error) {
	m, err := newManager(cfg)
	if err != nil {
		return nil, cfg.naming(err)
	}
	return m, nil
}

func newManager(cfg Config) (*Manager, error) {
	given := cfg
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	m := &Manager{cfg: cfg, given: given, info: cfg.Store.Info(), can: driver.AbilitiesOf(cfg.Store)}
	m.of = m
	m.watches.m = m
	m.store, _ = cfg.Store.(driver.Store)
	m.tokens, _ = cfg.Store.(driver.TokenStore)
	switch {
	case m.store == nil && m.tokens == nil:
		return nil, fmt.Errorf("coatcheck: Config.Store: %T is neither a driver.Store nor a driver.TokenStore", cfg.Store)
	case m.store != nil && m.tokens != nil:
		return nil, fmt.Errorf("coatcheck: Config.Store: %T is both a driver.Store and a driver.TokenStore: leave out the methods of one", cfg.Store)
	case m.tokens != nil && cfg.Keys != nil:
		return nil, errors.New("coatcheck: Config.Keys: a store of tokens seals them with its own keys; leave Keys unset")
	}
	if err := m.checkLimit(); err != nil {
		return nil, err
	}
	purpose := "coatcheck/record/v1\x00"
	if m.tokens != nil {
		purpose = "coatcheck/token/v1\x00"
	}
	m.exact = cfg.ownClock || cfg.SaveEveryRequest || cfg.TouchInterval < time.Minute
	m.space = newNamespace(cfg.Namespace)
	m.binding = []byte(purpose + cfg.Namespace + "\x00")
	m.carriers = carriersOf(cfg.Sources)
	m.vary = vary(m.carriers)
	m.cookiePrefix = cfg.Cookie.Name + "="
	m.cookieSuffix = cfg.Cookie.attributes()
	m.idleSuffix = maxAge(cfg.IdleTimeout) + m.cookieSuffix
	var ctx context.Context
	ctx, m.stop = context.WithCancel(context.Background())
	if m.can.Sweeper != nil && cfg.SweepInterval > 0 {
		m.stopped.Go(func() { m.sweepLoop(ctx) })
	}
	return m, nil
}

// Config returns m's settings, with the defaults that New has filled in.
func (m *Manager) Config() Config {
	cfg := m.cfg
	cfg.Sources = slices.Clone(cfg.Sources)
	if cfg.Devices != nil {
		d := *cfg.Devices
		cfg.Devices = &d
	}
	return cfg
}

// CloseStreams closes the channels of Session.Done, those of later calls included, so that streams and sockets end and the
// server can stop: give it to http.Server.RegisterOnShutdown. Sessions go on, and so do requests: Close comes after them.
func (m *Manager) CloseStreams() { m.watches.close() }

// Close ends the background sweeper and closes the store, if it can be closed, also one that another Manager uses: so
// close all of them at the end of the process. Call it when all requests are over.
// Later calls return what the first one returned.
func (m *Manager) Close() error {
	m.closing.Do(func() {
		m.stop()
		m.stopped.Wait()
		m.watches.close()
		m.watches.wait()
		m.clock.closed.Store(true)
		if m.can.Closer != nil {
			m.closed = m.can.Closer.Close()
		}
	})
	return m.closed
}

// Ping asks the store whether it answers, for health checks. Every error matches ErrUnavailable and its cause, and counts
// as an outage in the log, unless the caller was cancelled. Where the store has no way to tell (memstore), Ping returns
// nil, which says nothing.
func (m *Manager) Ping(ctx context.Context) error {
	if m.can.Pinger == nil {
		return nil
	}
	calls, cancel := m.storeContext(ctx)
	defer cancel()
	err := m.noAnswer(m.can.Pinger.Ping(calls))
	if m.up(ctx, err); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		m.down(ctx, err) // a deadline of the caller's is what the check is about
	}
	return err
}

// Breakers tells which parts of the storage get no calls for now, because the last ones have failed: true for such a
// part. "cache" is that of a cachedstore, whose sessions are then read from the truth. It asks the storage nothing, so
// a readiness check or a metric may call it often. nil: the store does not tell (memstore, filestore).
func (m *Manager) Breakers() map[string]bool {
	if m.can.Breaker == nil {
		return nil
	}
	return m.can.Breaker.Breakers()
}

// Info describes the store.
func (m *Manager) Info() driver.Info { return m.info }

// LogValue is what log/slog shows of a manager.
func (m *Manager) LogValue() slog.Value { return slog.StringValue(m.describe()) }

// describe is for the printer: it shows no settings and no keys.
func (m *Manager) describe() string {
	if m == nil {
		return "coatcheck.Manager(nil)"
	}
	return "coatcheck.Manager(" + m.info.Name + ")"
}

// now is the time in microseconds. core reckons in microseconds because that is exact and quick.
func (m *Manager) now() int64 {
	now := micros(m.cfg.Now())
	if !m.exact {
		m.clock.compare(now)
	}
	return now
}

// roughly is now, or a time up to a second earlier.
func (m *Manager) roughly() int64 {
	if m.exact {
		return m.now()
	}
	return m.clock.now()
}

// storeContext puts the deadline on a call to the store. A store in memory needs none.
func (m *Manager) storeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if m.info.InMemory {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, m.cfg.StoreTimeout)
}

// writeContext is storeContext for work that must be done even if the client has gone.
func (m *Manager) writeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	switch {
	case !m.info.InMemory:
		return m.storeContext(context.WithoutCancel(ctx))
	case m.cfg.Observer == nil && m.cfg.MaxPerSubjectFor == nil:
		return context.Background(), func() {} // nobody looks at the context
	}
	if of, is := ctx.(*exchangeContext); is {
		return (*endless)(of), func() {}
	}
	return &endless{Context: ctx}, func() {}
}

// endless is context.WithoutCancel and aside in one. WithoutCancel allocates each time that an Observer looks for the
// request's span. A request's own context is one already: it has another name.
type endless exchangeContext

func (c *endless) Value(key any) any                     { return aside{c.Context}.Value(key) }
func (c *endless) String() string                        { return "coatcheck.Context" }
func (c *endless) Format(f fmt.State, _ rune)            { _, _ = io.WriteString(f, c.String()) }
func (*endless) Deadline() (deadline time.Time, ok bool) { return }
func (*endless) Done() <-chan struct{}                   { return nil }
func (*endless) Err() error                              { return nil }

// grace returns a context with a little extra time, for what must be tried after a save's own time is over.
func (m *Manager) grace(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d)
}

// blank is the state of a session that is not stored yet.
func (m *Manager) blank(now int64) state {
	return state{header: header{codec: m.cfg.Codec, created: now}}
}

// codec finds the codec with this name, for a session that was begun with it; nil if there is none.
func (m *Manager) codec(name []byte) Codec {
	switch string(name) {
	case m.cfg.Codec.Name():
		return m.cfg.Codec
	case JSON{}.Name():
		return JSON{}
	}
	for _, c := range m.cfg.OtherCodecs {
		if c.Name() == string(name) {
			return c
		}
	}
	return nil
}

// unopened returns the error for a record that Keys did not open. It tells a key that is missing here from data that
// was changed, or was never sealed. An envelope from before Config.Keys was set may begin as if it named a key.
func (m *Manager) unopened(err error, data []byte) error {
	if !errors.Is(new(state).parse(data, m.codec), driver.ErrCorrupt) {
		return driver.Corrupt("coatcheck: the record is from before Config.Keys was set, and not sealed")
	}
	if errors.Is(err, keyring.ErrUnknownKey) {
		if id, ok := keyring.SealedBy(data); ok { // else a newer release sealed it
			err = fmt.Errorf("key %q: %w", id, err)
		}
		return fmt.Errorf("coatcheck: %w: %w", ErrUnreadable, err)
	}
	return errors.Join(driver.ErrCorrupt, err)
}
