package redisstore

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

const opLoad = "redisstore: load"

// Load implements driver.Store.
func (s *Store) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	switch {
	case s.written.has(id, s.bypass):
		return s.fromPrimary(ctx, id)
	case s.cacheFor > 0:
		return s.loadCached(ctx, id)
	}
	msg, _, err := s.do(ctx, opLoad, s.client.B().Get().Key(s.key(id)).Build())
	if err != nil {
		return driver.Record{}, nilIsNotFound(err)
	}
	return s.read(&msg, id)
}

// nilIsNotFound turns a nil reply, which proves that the key is missing, into ErrNotFound.
func nilIsNotFound(err error) error {
	if rueidis.IsRedisNil(err) {
		return errNotFound
	}
	return err
}

// read reads a record from a reply to GET.
func (s *Store) read(msg *rueidis.RedisMessage, id driver.ID) (driver.Record, error) {
	if !msg.IsString() {
		return driver.Record{}, oddReply(opLoad)
	}
	value, _ := msg.AsBytes() // without a copy; the contract forbids writing to Data
	rec, err := decode(value)
	switch {
	case err != nil && isStatus(msg):
		return driver.Record{}, oddReply(opLoad)
	case err != nil:
		return driver.Record{}, err
	case rec.ID != id:
		return driver.Record{}, errCorrupt
	case !rec.Live(s.now()):
		return driver.Record{}, errNotFound
	}
	return rec, nil
}

// Create implements driver.Store.
func (s *Store) Create(ctx context.Context, rec *driver.Record) error {
	if err := checkNew(rec); err != nil {
		return err
	}
	const op = "redisstore: create"
	now := micros(s.now())
	// No version repeats, even if a record is created again under the ID of a deleted one.
	version, key, px := max(now, 1), s.key(rec.ID), life(micros(rec.Expires), now)
	value := encode(rec, version, rand.Uint32())
	unsure, err := s.insert(ctx, op, rec, s.client.B().Arbitrary("SET").Keys(key).Args(value, "NX", "PX", px).Build())
	if rueidis.IsRedisNil(err) {
		msg, twice, failed := s.run(ctx, op, createScript, []string{key}, timeDigits(now), value, px)
		err = withDoubt(op, unsure || twice, outcome(op, &msg, failed))
	}
	s.wrote(rec.ID)
	if err == nil {
		rec.Version = version
	}
	return err
}

// insert sends the SET, together with the commands for the index.
func (s *Store) insert(ctx context.Context, op string, rec *driver.Record, set rueidis.Completed) (
	unsure bool, err error,
) {
	if rec.Subject == "" {
		msg, unsure, err := s.do(ctx, op, set)
		return unsure, isOK(op, &msg, err)
	}
	entries := s.entries(rec)
	replies, unsure, err := s.doAll(ctx, op, append([]rueidis.Completed{set}, s.indexCommands(entries)...)...)
	msg, refused := replies[0].ToMessage()
	refused = isOK(op, &msg, refused)
	if err == nil && refused != nil && !rueidis.IsRedisNil(refused) {
		return unsure, s.fail(ctx, op, refused)
	}
	if err == nil { // also if the key is in use: createScript may find that the record there has expired
		err = s.indexed(ctx, op, entries, replies[1:])
	}
	if err == nil {
		return unsure, refused
	}
	if refused == nil {
		_ = s.Delete(ctx, rec.ID) // a record that is not listed must not stay, and no caller knows it yet
	}
	return unsure, err
}

// Update implements driver.Store.
func (s *Store) Update(ctx context.Context, rec *driver.Record) error {
	if err := checkData(rec); err != nil {
		return err
	}
	c := s.updateChange(rec)
	err := s.apply(ctx, "redisstore: update", updateScript, &c, rec.ID, rec.Expires)
	if err == nil {
		rec.Version = c.version
	}
	return err
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	c := s.touchChange(id, version, used, expires)
	return s.apply(ctx, "redisstore: touch", touchScript, &c, id, expires)
}

// apply makes a change. It reads the record and calls the script again if that replies needsRead: the change moves the
// record into a later term, or the caller does not know what is stored.
func (s *Store) apply(ctx context.Context, op string, sc script, c *change, id driver.ID, expires time.Time) error {
	msg, unsure, err := s.run(ctx, op, sc, c.keys, c.args...)
	if err = outcome(op, &msg, err); err == errNeedsRead {
		if err = s.readAndIndex(ctx, op, c, id, expires); err == nil {
			var twice bool
			msg, twice, err = s.run(ctx, op, sc, c.keys, c.args...)
			unsure, err = unsure || twice, afterRead(outcome(op, &msg, err))
		}
	}
	s.wrote(id)
	return withDoubt(op, unsure, err)
}

// Delete implements driver.Store.
func (s *Store) Delete(ctx context.Context, id driver.ID) error {
	const op = "redisstore: delete"
	msg, _, err := s.do(ctx, op, s.client.B().Del().Key(s.key(id)).Build())
	s.wrote(id)
	return checkKind(op, err, msg.IsInt64())
}
