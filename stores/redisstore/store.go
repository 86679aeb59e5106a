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
	if s.cacheFor > 0 && !s.written.has(id, s.bypass) {
		msg, err = s.cached(ctx, id)
	} else {
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
	if err := check(rec); err != nil {
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
	s.written.add(rec.ID, s.bypass)
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
	e := s.entry(rec)
	replies, err := s.doAll(ctx, what, set, indexScript.byName(s.client, e.keys, e.args))
	if refused := replies[0].Error(); refused != nil {
		if err == nil {
			err = s.fail(ctx, what, refused) // nil where the key is taken
		}
		return err
	}
	if err == nil {
		err = s.indexed(ctx, what, e, replies[1])
	}
	if err != nil {
		_ = s.Delete(ctx, rec.ID) // nobody has been told of it; unlisted it must not stay
	}
	return err
}

// Update implements driver.Store.
func (s *Store) Update(ctx context.Context, rec *driver.Record) error {
	if err := check(rec); err != nil {
		return err
	}
	const what = "redisstore: update"
	u := s.replacement(rec, micros(s.now()))
	msg, err := s.run(ctx, what, updateScript, u.keys, u.args...)
	err = outcome(&msg, err)
	if err == errIndexFirst {
		if err = s.index(ctx, what, rec); err == nil {
			msg, err = s.run(ctx, what, updateScript, u.keys, u.afterIndex()...)
			err = outcome(&msg, err)
		}
	}
	s.written.add(rec.ID, s.bypass)
	if err == nil {
		rec.Version = u.version
	}
	return err
}

// replacement is a call of a script that replaces a record.
type replacement struct {
	keys, args []string
	version    uint64
}

func (s *Store) replacement(rec *driver.Record, now uint64) replacement {
	version := rec.Version + 1
	value := encode(rec, version)
	return replacement{
		keys: []string{s.key(rec.ID)},
		args: []string{
			timeDigits(now), versionBytes(rec.Version), value, life(micros(rec.Expires), now), claim(value, rec.Subject),
		},
		version: version,
	}
}

// afterIndex returns the arguments once the index knows the record.
func (u replacement) afterIndex() []string {
	u.args[4] = ""
	return u.args
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, id driver.ID, version uint64, expires time.Time) error {
	const what = "redisstore: touch"
	now, until := micros(s.now()), micros(expires)
	keys := []string{s.key(id)}
	args := []string{timeDigits(now), versionBytes(version), timeDigits(until), life(until, now), termDigits(termOf(until)), "0"}
	msg, err := s.run(ctx, what, touchScript, keys, args...)
	if err == nil && msg.IsString() { // the record's subject: the index has to know first
		subject, _ := msg.ToString()
		if err = s.index(ctx, what, &driver.Record{ID: id, Subject: subject, Expires: expires}); err == nil {
			args[5] = "1"
			msg, err = s.run(ctx, what, touchScript, keys, args...)
		}
	}
	s.written.add(id, s.bypass)
	return outcome(&msg, err)
}

// Delete implements driver.Store.
func (s *Store) Delete(ctx context.Context, id driver.ID) error {
	_, err := s.do(ctx, "redisstore: delete", s.client.B().Del().Key(s.key(id)).Build())
	s.written.add(id, s.bypass)
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
	case indexFirst:
		return errIndexFirst
	case exists:
		return errExists
	}
	return errCorrupt
}
