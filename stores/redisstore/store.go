package redisstore

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Load implements driver.Store.
func (s *Store) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	var msg rueidis.RedisMessage
	var err error
	switch {
	case s.written.has(id, s.bypass):
		return s.fromPrimary(ctx, id)
	case s.cacheFor > 0:
		msg, err = s.cached(ctx, id)
	default:
		msg, err = s.do(ctx, "redisstore: load", s.client.B().Get().Key(s.key(id)).Build())
	}
	if err != nil {
		return driver.Record{}, absent(err)
	}
	return s.read(&msg, id)
}

// absent turns the one reply that proves it into ErrNotFound.
func absent(err error) error {
	if rueidis.IsRedisNil(err) {
		return errNotFound
	}
	return err
}

// read takes a record from a reply to GET.
func (s *Store) read(msg *rueidis.RedisMessage, id driver.ID) (driver.Record, error) {
	text, err := msg.ToString()
	if err != nil {
		return driver.Record{}, errCorrupt
	}
	rec, err := decode(bytesOf(text))
	switch {
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
	const what = "redisstore: create"
	now := micros(s.now())
	// No version is used twice, even if a record comes back under the ID of an older one.
	version, key, px := max(now, 1), s.key(rec.ID), life(micros(rec.Expires), now)
	value := encode(rec, version)
	err := s.insert(ctx, what, rec, s.client.B().Arbitrary("SET").Keys(key).Args(value, "NX", "PX", px).Build())
	if rueidis.IsRedisNil(err) {
		var msg rueidis.RedisMessage
		msg, err = s.run(ctx, what, createScript, []string{key}, timeDigits(now), value, px)
		err = outcome(&msg, err)
	}
	s.wrote(rec.ID)
	if err == nil {
		rec.Version = version
	}
	return err
}

// insert sends the SET, and with it the word to the index.
func (s *Store) insert(ctx context.Context, what string, rec *driver.Record, set rueidis.Completed) error {
	if rec.Subject == "" {
		_, err := s.do(ctx, what, set)
		return err
	}
	entries := s.entries(rec)
	replies, err := s.doAll(ctx, what, append([]rueidis.Completed{set}, s.byName(entries)...)...)
	refused := replies[0].Error()
	if err == nil && refused != nil && !rueidis.IsRedisNil(refused) {
		return s.fail(ctx, what, refused)
	}
	if err == nil { // also where the key is taken: createScript may find that it is not
		err = s.indexed(ctx, what, entries, replies[1:])
	}
	if err == nil {
		return refused
	}
	if refused == nil {
		_ = s.Delete(ctx, rec.ID) // nobody has been told of it; unlisted it must not stay
	}
	return err
}

// Update implements driver.Store.
func (s *Store) Update(ctx context.Context, rec *driver.Record) error {
	if err := checkData(rec); err != nil {
		return err
	}
	c := s.replacing(rec)
	err := s.apply(ctx, "redisstore: update", updateScript, c, rec.ID, rec.Expires)
	if err == nil {
		rec.Version = c.version
	}
	return err
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	return s.apply(ctx, "redisstore: touch", touchScript, s.touching(id, version, used, expires), id, expires)
}

// apply makes a change. Only if that takes the record into a later term, it has a word with the
// index, and comes back.
func (s *Store) apply(ctx context.Context, what string, sc script, c change, id driver.ID, expires time.Time) error {
	msg, err := s.run(ctx, what, sc, c.keys, c.args...)
	if err == nil && msg.IsString() {
		names, _ := msg.ToString()
		if err = s.index(ctx, what, id, names, expires); err == nil {
			c.args[argIndexed] = yes
			msg, err = s.run(ctx, what, sc, c.keys, c.args...)
		}
	}
	s.wrote(id)
	return outcome(&msg, err)
}

// Delete implements driver.Store.
func (s *Store) Delete(ctx context.Context, id driver.ID) error {
	_, err := s.do(ctx, "redisstore: delete", s.client.B().Del().Key(s.key(id)).Build())
	s.wrote(id)
	return err
}

// outcome reads what a script on a record answered.
func outcome(msg *rueidis.RedisMessage, err error) error {
	if err != nil {
		return err
	}
	code, err := msg.ToInt64()
	if err != nil {
		return errCorrupt
	}
	switch code {
	case gone:
		return errNotFound
	case conflict:
		return errConflict
	case done:
		return nil
	case exists:
		return errExists
	case newer:
		return errNewer
	}
	return errCorrupt
}
