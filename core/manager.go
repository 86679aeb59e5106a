package core

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Manager holds the settings and the store. One of it serves all requests, and all its
// methods may be called concurrently. Several managers, with cookies of different names, may
// serve one application.
type Manager struct {
	cfg  Config
	info driver.Info

	// One of these two is set.
	store  driver.Store
	tokens driver.TokenStore

	// Abilities of the store, nil where it has none. They are asserted in New and
	// nowhere else.
	rotator driver.Rotator
	sweeper driver.Sweeper
	lister  driver.Lister
	indexer driver.Indexer
	pinger  driver.Pinger
	closer  interface{ Close() error }

	hash         hasher
	binding      []byte // associated data of sealed records, up to the ID
	source       string // the request header that carries the token
	cookiePrefix string
	cookieSuffix string // attributes
	idleSuffix   string // Max-Age=IdleTimeout, then attributes

	stop    context.CancelFunc // ends the sweeper
	stopped sync.WaitGroup
	closing sync.Once
}

// markerLife is how long the old ID of a rotated session is remembered: longer than a
// request that was sent with the old token may take to arrive.
const markerLife = 30 * time.Second

// New checks cfg and returns a Manager. The error names the field that is wrong.
// If the store needs sweeping, New starts that too; Close ends it.
func New(cfg Config) (*Manager, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	m := &Manager{cfg: cfg, info: cfg.Store.Info()}
	m.store, _ = cfg.Store.(driver.Store)
	m.tokens, _ = cfg.Store.(driver.TokenStore)
	m.rotator, _ = cfg.Store.(driver.Rotator)
	m.sweeper, _ = cfg.Store.(driver.Sweeper)
	m.lister, _ = cfg.Store.(driver.Lister)
	m.indexer, _ = cfg.Store.(driver.Indexer)
	m.pinger, _ = cfg.Store.(driver.Pinger)
	m.closer, _ = cfg.Store.(interface{ Close() error })
	switch {
	case m.store == nil && m.tokens == nil:
		return nil, fmt.Errorf("coatcheck: Config.Store: %T is neither a driver.Store nor a driver.TokenStore", cfg.Store)
	case m.tokens != nil && cfg.Keys != nil:
		return nil, errors.New("coatcheck: Config.Keys: a store of tokens seals them with its own keys; leave Keys unset")
	}
	purpose := "coatcheck/record/v1\x00"
	if m.tokens != nil {
		purpose = "coatcheck/token/v1\x00"
	}
	m.hash = newHasher(cfg.Cookie.Name)
	m.binding = []byte(purpose + cfg.Cookie.Name + "\x00")
	m.source = cfg.TokenHeader
	if m.source == "" {
		m.source = "Cookie"
		m.cookiePrefix = cfg.Cookie.Name + "="
		m.cookieSuffix = cfg.Cookie.attributes()
		m.idleSuffix = maxAge(cfg.IdleTimeout) + m.cookieSuffix
	}
	var ctx context.Context
	ctx, m.stop = context.WithCancel(context.Background())
	if m.sweeper != nil && cfg.SweepInterval > 0 {
		m.stopped.Go(func() { m.sweepLoop(ctx) })
	}
	return m, nil
}

// Close ends the background sweeper and closes the store, if it can be closed.
// Requests should be over.
func (m *Manager) Close() error {
	var err error
	m.closing.Do(func() {
		m.stop()
		m.stopped.Wait()
		if m.closer != nil {
			err = m.closer.Close()
		}
	})
	return err
}

// Ping asks the store whether it answers, where it has a way to, for health checks.
func (m *Manager) Ping(ctx context.Context) error {
	if m.pinger == nil {
		return nil
	}
	ctx, cancel := m.storeContext(ctx)
	defer cancel()
	return m.pinger.Ping(ctx)
}

// Info describes the store.
func (m *Manager) Info() driver.Info { return m.info }

// Header is the name of the request header that carries the token: "Cookie", or
// Config.TokenHeader. Adapters give its lines to Begin.
func (m *Manager) Header() string { return m.source }

// Format keeps settings and keys out of logs, whatever the verb.
func (m *Manager) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "coatcheck.Manager(%s)", m.info.Name)
}

// LogValue is what log/slog shows of a manager.
func (m *Manager) LogValue() slog.Value { return slog.StringValue(m.info.Name) }

// now is the time in microseconds, which is how core reckons: it is exact and quick.
func (m *Manager) now() int64 { return micros(m.cfg.Now()) }

// storeContext puts the deadline on a call to the store, where one can be needed.
func (m *Manager) storeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if m.info.InMemory {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, m.cfg.StoreTimeout)
}

// writeContext is storeContext for what has to be done although the client has gone.
func (m *Manager) writeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if m.info.InMemory && m.cfg.Observer == nil {
		return context.Background(), func() {} // nobody will look at it
	}
	return m.storeContext(context.WithoutCancel(ctx))
}

// blank is the state of a session that is not stored yet.
func (m *Manager) blank(now int64) state {
	return state{header: header{codec: m.cfg.Codec, created: now}}
}

// codec finds the codec that a session was begun with; nil if there is none.
func (m *Manager) codec(name []byte) Codec {
	switch string(name) {
	case m.cfg.Codec.Name():
		return m.cfg.Codec
	case JSON.Name():
		return JSON
	}
	return nil
}

// seal turns a state into Record.Data.
func (m *Manager) seal(st *state, id driver.ID) ([]byte, error) {
	data := st.encode()
	if m.cfg.Keys != nil {
		data = m.cfg.Keys.Seal(nil, data, m.boundTo(id))
	}
	if len(data) > m.cfg.MaxSize {
		return nil, fmt.Errorf("coatcheck: the session has %d bytes, Config.MaxSize is %d: %w", len(data), m.cfg.MaxSize, ErrTooLarge)
	}
	return data, nil
}

// open reads a record that a store returned for id into st.
func (m *Manager) open(rec *driver.Record, id driver.ID, st *state) error {
	if subtle.ConstantTimeCompare(rec.ID[:], id[:]) != 1 {
		// Not corrupt: the record that was asked for may be all right.
		return driver.Unavailable("coatcheck: "+m.info.Name, errors.New("the store answered with another session's record"))
	}
	data := rec.Data
	if m.cfg.Keys != nil {
		var err error
		if data, _, err = m.cfg.Keys.Open(data, m.boundTo(id)); err != nil {
			return errors.Join(driver.ErrCorrupt, err)
		}
	}
	err := st.parse(data, m.codec)
	if err == nil && st.kind == kindSession && st.subject != rec.Subject {
		err = driver.Corrupt("coatcheck: the record names another subject than its content")
	}
	return err
}

func (m *Manager) boundTo(id driver.ID) []byte {
	return append(m.binding[:len(m.binding):len(m.binding)], id[:]...)
}
