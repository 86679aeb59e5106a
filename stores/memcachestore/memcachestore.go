// Package memcachestore keeps sessions in memcached, on one server or on many:
// quick, and gone when a server restarts.
//
//	store, err := memcachestore.New([]string{"10.0.0.7:11211", "10.0.0.8:11211"}, memcachestore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// Sessions that must outlive a restart belong in a database, with this store as
// the cache in front of it (package cachedstore).
//
// # Expiry
//
// Each record holds its deadline, to the microsecond, and Load checks it. The
// server is given at least as long, in its own terms: whole seconds, rounded up, absolute
// beyond 30 days, without end beyond 2038. There is nothing to sweep.
//
// # Concurrency
//
// Create is an add, Update and Touch are a cas, Delete is a delete: each is one
// atomic step, and none brings back what is gone. There is no set. What was loaded is
// remembered with its cas id, so an Update or Touch by the process that loaded is one
// round trip; by another it is two, as the id has to be fetched. What an Update must keep, of
// Used, the deadline, Subject and Labels, is what that cas id stands for, so nothing is
// lost: after somebody else's Touch, it fails, and is made anew from what is there
// now. Touch writes the whole record, because its times are in it.
//
// The client library knows no context; here, the end of a context ends the call, closes its
// connection, and so drops an answer that comes late. A server that does not
// answer is asked four times a second; all other calls to it fail at once.
//
// A record that a newer release wrote, in a format of its own, is ErrUnreadable and stays as it is, for every method
// but Delete. BySubject and ByLabel go past it and end in that error.
//
// # Capabilities
//
// [driver.Indexer], best effort: the sessions of a subject, or with a label, are listed in an item
// of its own, which the server may throw out like any other. BySubject and ByLabel then miss those
// sessions until their use is written down again, by a Touch or an Update that moves Used, which asks for
// each of their lists: one round trip more. Where there is no list they end in ErrIncomplete: also if there never was
// one, since memcached cannot tell. So do they, for 401 days, once a session was used that should have been in the list
// and was not: others may be missing, too. One thing remains: where a list was thrown out and the user signs in again
// before any other session is used, the new list looks whole until then.
// A list that somebody has damaged is ErrCorrupt until it is written anew. A
// Create needs two more for its Subject and for each label, and fails with ErrUnavailable
// if a list's server does not answer; the record is taken back then, best effort.
// [driver.Pinger] asks every server. There is no Successor: memcached has no atomic step
// over two keys.
//
// # Limits
//
// A record, with its ID, Subject, Labels and the key, must fit the server's largest item (memcached
// -I, 1 MiB by default): see Config.MaxItem. A server that is full throws out the sessions
// that were not used for longest.
//
// Items have a checksum: one of which a bit was flipped on the way, or in the server's memory, is ErrCorrupt, or
// ErrUnreadable where its format looks newer, and never another record.
//
// A list, too, is one item, of 36 bytes for each session: about 29,000 sessions of a subject, or with
// a label, at -I 1m. Create answers ErrTooLarge beyond that, until BySubject or ByLabel has
// taken out those that ended.
//
// The servers are chosen by consistent hashing of the first 16 bytes of the ID: adding or
// removing one of N moves 1/N of the sessions, and those that moved are lost, since
// memcached cannot hand them over. A server that does not answer is never passed over for another one: its
// sessions are unavailable, not absent. So as long as the list stays the same, each session
// has one place, and no copy can be older than another. A server that is put
// back into the list after it was out of it may still hold sessions that were ended
// meanwhile; give it a new generation ("10.0.0.7:11211#2") or restart it,
// and they are not seen. All application servers must have the same list.
//
// # Durability
//
// None: a server that restarts has forgotten its sessions, which are then not
// found. It has forgotten lists, too, of users whose sessions are on other servers and live on: so RevokeSubject and
// Sessions end in ErrIncomplete for these users, and for each one who has not signed in since.
package memcachestore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Config sets up a Store. The zero value is ready to use.
type Config struct {
	// Prefix begins every key, so that other programs can use the servers, too. At most 100
	// printable ASCII characters, no spaces. Default: "session:".
	Prefix string

	// Timeout bounds each exchange with a server, in addition to the context's deadline. At least 1ms. Default: 500ms.
	Timeout time.Duration

	// MaxConns bounds the connections to each server. Calls that find them all in use wait. At least 1. Default: 128.
	MaxConns int

	// MaxIdleConns is how many idle connections to each server the store keeps. At least 1. Default: 32, or MaxConns
	// if that is less.
	MaxIdleConns int

	// MaxItem is the size in bytes of the largest item that the servers take: the -I that memcached was started
	// with. At least 1024. Default: 1 MiB.
	MaxItem int

	// DialContext opens connections. Set it for TLS, and for servers that want a password (memcached -Y): then it
	// sends "set auth 0 0 LENGTH\r\nUSER PASSWORD\r\n" and waits for "STORED\r\n". Without the password, every call
	// answers an ErrUnavailable that says so. SASL (-S) is not supported. Default: net.Dialer's DialContext.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Store is a driver.Store in memcached. Make one with New.
type Store struct {
	config Config
	ring   ring
	memory memory
	nonces nonces
}

var (
	_ driver.Store   = (*Store)(nil)
	_ driver.Indexer = (*Store)(nil)
	_ driver.Pinger  = (*Store)(nil)
)

// New returns a store on these servers. Each is host:port or the path of a Unix socket, and may end in
// "#generation", 1 to 20 letters and digits. Names are resolved at every dial. The order does not matter.
//
// New checks servers and config, and does not dial: call Ping to learn whether the servers answer. Close the store
// at the end.
func New(servers []string, config Config) (*Store, error) {
	setDefault(&config.Prefix, "session:")
	setDefault(&config.Timeout, 500*time.Millisecond)
	setDefault(&config.MaxConns, 128)
	setDefault(&config.MaxIdleConns, min(32, config.MaxConns))
	setDefault(&config.MaxItem, 1<<20)
	if config.DialContext == nil {
		config.DialContext = new(net.Dialer).DialContext
	}
	refuse := func(field, format string, args ...any) (*Store, error) {
		return nil, fmt.Errorf("memcachestore: "+field+" "+format, args...)
	}
	switch {
	case len(servers) == 0:
		return refuse("servers", "is empty, name at least one")
	case len(config.Prefix) > 100 || strings.ContainsFunc(config.Prefix, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return refuse("Config.Prefix", "is %.20q, want at most 100 printable ASCII characters without spaces", config.Prefix)
	case config.Timeout < time.Millisecond:
		return refuse("Config.Timeout", "is %v, want at least 1ms", config.Timeout)
	case config.MaxConns < 1:
		return refuse("Config.MaxConns", "is %d, want at least 1", config.MaxConns)
	case config.MaxIdleConns < 1:
		return refuse("Config.MaxIdleConns", "is %d, want at least 1", config.MaxIdleConns)
	case config.MaxItem < 1024:
		return refuse("Config.MaxItem", "is %d bytes, want at least 1024", config.MaxItem)
	}
	s := &Store{config: config, nonces: newNonces()}
	for i, name := range servers {
		sv, err := newServer(name, &s.config)
		if err == nil {
			err = s.ring.add(sv)
		}
		if err != nil {
			return refuse(fmt.Sprintf("servers[%d]", i), "%w", err)
		}
	}
	s.ring.build()
	return s, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Info implements driver.Backend.
func (*Store) Info() driver.Info { return driver.Info{Name: "memcachestore"} }

// Ping implements driver.Pinger: every server must answer.
func (s *Store) Ping(ctx context.Context) error {
	for _, sv := range s.ring.servers {
		if _, err := sv.do(ctx, "ping", (*client).Ping); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the idle connections at once, and those in use when their calls end. A closed store still works,
// but keeps no connections.
func (s *Store) Close() error {
	var errs []error
	for _, sv := range s.ring.servers {
		errs = append(errs, sv.pool.close())
	}
	return errors.Join(errs...)
}
