package peer

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/redis/go-redis/v9"
)

func init() {
	for _, framework := range []string{"net/http", "echo", "fiber v2"} {
		All = append(All, leastApp(framework, "memory", func(Env) (leastStore, func(), error) {
			return &leastMemory{records: map[leastID]leastRecord{}}, func() {}, nil
		}))
	}
	All = append(All,
		leastApp("net/http", "file", func(env Env) (leastStore, func(), error) { return &leastFiles{dir: env.Dir}, func() {}, nil }),
		leastApp("net/http", "redis", func(env Env) (leastStore, func(), error) {
			client, err := goRedis(env)
			return leastRedis{client}, func() { _ = client.Close() }, err
		}),
		leastApp("net/http", "memcached", func(env Env) (leastStore, func(), error) {
			client, err := goMemcache(env)
			return leastMemcached{client}, func() { _ = client.Close() }, err
		}),
		leastApp("net/http", "sqlite", func(env Env) (leastStore, func(), error) { return leastDatabase("sqlite", env) }),
		leastApp("net/http", "postgres", func(env Env) (leastStore, func(), error) { return leastDatabase("postgres", env) }),
	)
}

type leastMemory struct {
	mu      sync.Mutex
	records map[leastID]leastRecord
}

func (m *leastMemory) load(_ context.Context, id leastID) (leastRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, ok := m.records[id]
	if !ok {
		return rec, errLeast
	}
	return rec, nil
}

func (m *leastMemory) create(_ context.Context, id leastID, rec leastRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[id] = rec
	return nil
}

func (m *leastMemory) update(_ context.Context, id leastID, rec leastRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records[id].version != rec.version {
		return errLeast
	}
	rec.version++
	m.records[id] = rec
	return nil
}

func (m *leastMemory) remove(_ context.Context, id leastID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, id)
	return nil
}

// pack and unpack are for stores that keep bytes.
func (r leastRecord) pack() []byte {
	b := make([]byte, 0, 16+len(r.data))
	b = binary.BigEndian.AppendUint64(b, uint64(r.version))
	b = binary.BigEndian.AppendUint64(b, uint64(r.expires))
	return append(b, r.data...)
}

func unpack(b []byte) (leastRecord, error) {
	if len(b) < 16 {
		return leastRecord{}, errors.New("a torn record")
	}
	return leastRecord{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), b[16:]}, nil
}

// leastFiles has one process, and syncs nothing. A file that is replaced is whole at any time.
type leastFiles struct {
	dir string
	mu  sync.Mutex
}

func (f *leastFiles) name(id leastID) string { return filepath.Join(f.dir, hex.EncodeToString(id[:])) }

func (f *leastFiles) load(_ context.Context, id leastID) (leastRecord, error) {
	b, err := os.ReadFile(f.name(id))
	if errors.Is(err, fs.ErrNotExist) {
		return leastRecord{}, errLeast
	}
	if err != nil {
		return leastRecord{}, err
	}
	return unpack(b)
}

func (f *leastFiles) create(_ context.Context, id leastID, rec leastRecord) error {
	return os.WriteFile(f.name(id), rec.pack(), 0o600)
}

func (f *leastFiles) update(ctx context.Context, id leastID, rec leastRecord) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now, err := f.load(ctx, id); err != nil || now.version != rec.version {
		return errLeast
	}
	rec.version++
	if err := os.WriteFile(f.name(id)+".new", rec.pack(), 0o600); err != nil {
		return err
	}
	return os.Rename(f.name(id)+".new", f.name(id))
}

func (f *leastFiles) remove(_ context.Context, id leastID) error { return os.Remove(f.name(id)) }

type leastRedis struct{ client *redis.Client }

// leastUpdate compares the version, which the record begins with, and writes.
var leastUpdate = redis.NewScript(`if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1`)

func (r leastRedis) load(ctx context.Context, id leastID) (leastRecord, error) {
	b, err := r.client.Get(ctx, string(id[:])).Bytes()
	if errors.Is(err, redis.Nil) {
		return leastRecord{}, errLeast
	}
	if err != nil {
		return leastRecord{}, err
	}
	return unpack(b)
}

func (r leastRedis) create(ctx context.Context, id leastID, rec leastRecord) error {
	return r.client.SetNX(ctx, string(id[:]), rec.pack(), rawTTL).Err()
}

func (r leastRedis) update(ctx context.Context, id leastID, rec leastRecord) error {
	old := binary.BigEndian.AppendUint64(nil, uint64(rec.version))
	rec.version++
	n, err := leastUpdate.Run(ctx, r.client, []string{string(id[:])}, old, rec.pack(), rawTTL.Milliseconds()).Int()
	if err == nil && n == 0 {
		err = errLeast
	}
	return err
}

func (r leastRedis) remove(ctx context.Context, id leastID) error {
	return r.client.Del(ctx, string(id[:])).Err()
}

// leastMemcached reads the record again for its compare-and-swap token only after a save, as a session does.
type leastMemcached struct{ client *memcache.Client }

func (m leastMemcached) load(_ context.Context, id leastID) (leastRecord, error) {
	item, err := m.client.Get(hex.EncodeToString(id[:]))
	if errors.Is(err, memcache.ErrCacheMiss) {
		return leastRecord{}, errLeast
	}
	if err != nil {
		return leastRecord{}, err
	}
	rec, err := unpack(item.Value)
	rec.version = int64(item.CasID)
	return rec, err
}

func (m leastMemcached) item(id leastID, rec leastRecord) *memcache.Item {
	return &memcache.Item{Key: hex.EncodeToString(id[:]), Value: rec.pack(), Expiration: int32(rawTTL.Seconds()), CasID: uint64(rec.version)}
}

func (m leastMemcached) create(_ context.Context, id leastID, rec leastRecord) error {
	return m.client.Add(m.item(id, rec))
}

func (m leastMemcached) update(_ context.Context, id leastID, rec leastRecord) error {
	return m.client.CompareAndSwap(m.item(id, rec))
}

func (m leastMemcached) remove(_ context.Context, id leastID) error {
	return m.client.Delete(hex.EncodeToString(id[:]))
}

// leastSQL is a table with an index for sweeps. Each call has a deadline, as a request should have.
type leastSQL struct{ get, insert, set, del *sql.Stmt }

func leastDatabase(dialect string, env Env) (leastStore, func(), error) {
	db, stop, err := OpenSQL(dialect, env)
	if err != nil {
		return nil, nil, err
	}
	blob := map[string]string{"sqlite": "BLOB", "postgres": "bytea"}[dialect]
	s, pool := leastSQL{}, (*sql.DB)(nil)
	for _, text := range []string{
		"CREATE TABLE least (id varchar(64) PRIMARY KEY, version bigint NOT NULL, expires bigint NOT NULL, data " + blob + " NOT NULL)",
		"CREATE INDEX least_expires ON least (expires)",
	} {
		err = errors.Join(err, db.Exec(text).Error)
	}
	if err == nil {
		pool, err = db.DB()
	}
	for into, text := range map[**sql.Stmt]string{
		&s.get:    "SELECT version, expires, data FROM least WHERE id = $1",
		&s.insert: "INSERT INTO least (id, version, expires, data) VALUES ($1, $2, $3, $4)",
		&s.set:    "UPDATE least SET version = version + 1, expires = $3, data = $4 WHERE id = $1 AND version = $2",
		&s.del:    "DELETE FROM least WHERE id = $1",
	} {
		if err == nil {
			*into, err = pool.Prepare(text)
		}
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return s, stop, nil
}

func leastDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 2*time.Second)
}

func (s leastSQL) load(ctx context.Context, id leastID) (rec leastRecord, err error) {
	ctx, cancel := leastDeadline(ctx)
	defer cancel()
	err = s.get.QueryRowContext(ctx, hex.EncodeToString(id[:])).Scan(&rec.version, &rec.expires, &rec.data)
	if errors.Is(err, sql.ErrNoRows) {
		err = errLeast
	}
	return rec, err
}

func (s leastSQL) write(ctx context.Context, st *sql.Stmt, args ...any) error {
	ctx, cancel := leastDeadline(ctx)
	defer cancel()
	result, err := st.ExecContext(ctx, args...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errLeast, err)
	}
	return nil
}

func (s leastSQL) create(ctx context.Context, id leastID, rec leastRecord) error {
	return s.write(ctx, s.insert, hex.EncodeToString(id[:]), rec.version, rec.expires, rec.data)
}

func (s leastSQL) update(ctx context.Context, id leastID, rec leastRecord) error {
	return s.write(ctx, s.set, hex.EncodeToString(id[:]), rec.version, rec.expires, rec.data)
}

func (s leastSQL) remove(ctx context.Context, id leastID) error {
	return s.write(ctx, s.del, hex.EncodeToString(id[:]))
}
