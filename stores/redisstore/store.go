package redisstore

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

const whatLoad = "redisstore: load"

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
		msg, _, err = s.do(ctx, whatLoad, s.client.B().Get().Key(s.key(id)).Build())
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
	if !msg.IsString() {
		return driver.Record{}, odd(whatLoad)
	}
	value, _ := msg.AsBytes() // without a copy; the contract forbids writing to Data
	rec, err := decode(value)
	switch {
	case err != nil && isStatus(msg):
		return driver.Record{}, odd(whatLoad)
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
	value := encode(rec, version, rand.Uint32())
	unsure, err := s.insert(ctx, what, rec, s.client.B().Arbitrary("SET").Keys(key).Args(value, "NX", "PX", px).Build())
	if rueidis.IsRedisNil(err) {
		msg, twice, failed := s.run(ctx, what, createScript, []string{key}, timeDigits(now), value, px)
		err = known(what, unsure || twice, outcome(what, &msg, failed))
	}
	s.wrote(rec.ID)
	if err == nil {
		rec.Version = version
	}
	return err
}

// insert sends the SET, and with it the word to the index.
func (s *Store) insert(ctx context.Context, what string, rec *driver.Record, set rueidis.Completed) (
	unsure bool, err error,
) {
	if rec.Subject == "" {
		msg, unsure, err := s.do(ctx, what, set)
		return unsure, isOK(what, &msg, err)
	}
	entries := s.entries(rec)
	replies, unsure, err := s.doAll(ctx, what, append([]rueidis.Completed{set}, s.byName(entries)...)...)
	msg, refused := replies[0].ToMessage()
	refused = isOK(what, &msg, refused)
	if err == nil && refused != nil && !rueidis.IsRedisNil(refused) {
		return unsure, s.fail(ctx, what, refused)
	}
	if err == nil { // also where the key is taken: createScript may find that it is not
		err = s.indexed(ctx, what, entries, replies[1:])
	}
	if err == nil {
		return unsure, refused
	}
	if refused == nil {
		_ = s.Delete(ctx, rec.ID) // nobody has been told of it; unlisted it must not stay
	}
	return unsure, err
}

// Update implements driver.Store.
func (s *Store) Update(ctx context.Context, rec *driver.Record) error {
	if err := checkData(rec); err != nil {
		return err
	}
	c := s.replacing(rec)
	err := s.apply(ctx, "redisstore: update", updateScript, &c, rec.ID, rec.Expires)
	if err == nil {
		rec.Version = c.version
	}
	return err
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	c := s.touching(id, version, used, expires)
	return s.apply(ctx, "redisstore: touch", touchScript, &c, id, expires)
}

// apply makes a change. Only if the script asks, because that takes the record into a later term or the caller
// does not know what is stored, it looks at the record and comes back.
func (s *Store) apply(ctx context.Context, what string, sc script, c *change, id driver.ID, expires time.Time) error {
	msg, unsure, err := s.run(ctx, what, sc, c.keys, c.args...)
	if err = outcome(what, &msg, err); err == errAsk {
		if err = s.inform(ctx, what, c, id, expires); err == nil {
			var twice bool
			msg, twice, err = s.run(ctx, what, sc, c.keys, c.args...)
			unsure, err = unsure || twice, asked(outcome(what, &msg, err))
		}
	}
	s.wrote(id)
	return known(what, unsure, err)
}

// Delete implements driver.Store.
func (s *Store) Delete(ctx context.Context, id driver.ID) error {
	const what = "redisstore: delete"
	msg, _, err := s.do(ctx, what, s.client.B().Del().Key(s.key(id)).Build())
	s.wrote(id)
	return fits(what, err, msg.IsInt64())
}
