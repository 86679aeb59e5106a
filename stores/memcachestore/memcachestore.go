// Package memcachestore keeps sessions in memcached, on one server or on many. It is fast, and sessions are lost when a
// server restarts.
//
//	store, err := memcachestore.New([]string{"10.0.0.7:11211", "10.0.0.8:11211"}, memcachestore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// Keep sessions that must outlive a restart in a database, and use this store as the cache in front of it (package
// cachedstore).
//
// # Expiry
//
// Each record holds its deadline, to the microsecond, and Load checks it. The server gets a lifetime that is at least
// as long, in its own terms: whole seconds, rounded up; beyond 30 days an absolute time; beyond 2038 no end. There is
// nothing to sweep.
//
// # Concurrency
//
// Create is an add, Update and Touch are a cas, Delete is a delete. Each is one atomic step, and none brings back what
// was deleted. The store never sends a set.
//
// The store remembers what it has loaded, with the cas id. So an Update or Touch takes one round trip in the process
// that loaded the record. In another process it takes two, because it first has to read the cas id. An Update keeps
// some of the stored values: Used, the deadline, Subject and Labels. The cas id guards them, too, so nothing is lost:
// if somebody else's Touch came between, the cas fails, and the store applies the Update to the new state. Touch
// writes the whole record, because its times are inside.
//
// The client library does not know contexts. Here, the end of a context ends the call and closes its connection, so a
// late answer reaches nobody. A server that does not answer is asked four times a second. All other calls to it fail at
// once.
//
// A record in the format of a newer release is ErrUnreadable and stays unchanged, for every method but Delete.
// BySubject and ByLabel skip it, and end in that error.
//
// # Abilities
//
// [driver.Indexer], best effort. The sessions of a subject, or with a label, are listed in one item. The server may
// evict that item like any other. BySubject and ByLabel then miss its sessions. A Touch, or an Update that moves Used,
// puts its session back. To do so, it reads each of the session's lists, which takes one round trip for each.
//
// BySubject and ByLabel end in ErrIncomplete if there is no list. That includes subjects that never had one, because
// memcached cannot tell the difference. They also end in it for 401 days after a session was used that was missing from
// its list, because others may be missing, too. One gap remains: if a list was evicted and the user signs in again
// before any other session is used, the new list looks complete until one is used.
//
// A damaged list is ErrCorrupt until it is written anew. Create takes two more round trips for its Subject and for
// each label. It fails with ErrUnavailable if the server of a list does not answer, and then tries to delete the record
// again, best effort.
//
// [driver.Pinger] asks every server. The store is no Successor, because memcached has no atomic step over two keys.
//
// # Limits
//
// A record must fit into the server's largest item, together with its ID, Subject, Labels and key (memcached -I, 1 MiB
// by default): see Config.MaxItem. A full server evicts the sessions that were not used for longest.
//
// Items have a checksum. If a bit flips on the way or in the server's memory, the item is ErrCorrupt, or ErrUnreadable
// if its format looks newer. It is never taken for another record.
//
// A list is one item, too, with 36 bytes for each session. At -I 1m it holds about 29,000 sessions of a subject, or
// with a label. Beyond that, Create returns ErrTooLarge until BySubject or ByLabel has removed the sessions that
// ended.
//
// Servers are chosen by consistent hashing of the first 8 bytes of the ID. Adding or removing one of N servers moves
// 1/N of the sessions. The sessions that move are lost, because memcached cannot hand them over. The store never uses
// another server in place of one that does not answer: its sessions are unavailable, not absent. So as long as the
// list of servers stays the same, each session has one place, and no copy can be older than another.
//
// A server that was removed from the list and comes back may still hold sessions that were ended meanwhile. Restart
// it, or give it a new generation ("10.0.0.7:11211#2"), and those sessions are not seen. All application servers must
// have the same list.
//
// # Durability
//
// None. A server that restarts has lost its sessions, and they are then not found. It has also lost lists of users
// whose sessions live on other servers. For these users, and for all who have not signed in since, RevokeSubject and
// Sessions end in ErrIncomplete.
//
// The guide is docs/choosing-a-store.md.
package memcachestore

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// Store is a driver.Store in memcached. Make one with New. Its methods may be called concurrently.
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
	_ driver.Breaker = (*Store)(nil)
	_ io.Closer      = (*Store)(nil)

	_ driver.Inspector = (*Store)(nil)
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

// Breakers implements driver.Breaker: its parts are the addresses of the servers.
func (s *Store) Breakers() map[string]bool {
	all := map[string]bool{}
	for _, sv := range s.ring.servers {
		all[sv.addr] = sv.breaker.Open()
	}
	return all
}

// Ping implements driver.Pinger: every server must answer.
func (s *Store) Ping(ctx context.Context) error {
	for _, sv := range s.ring.servers {
		if _, err := sv.do(ctx, "ping", (*client).Ping); err != nil {
			return err
		}
	}
	return nil
}

// Close implements io.Closer. It closes the idle connections at once, and those in use when their calls end, also the
// ones that Config.DialContext has opened. Nothing stays the caller's to close. A closed store still works, but keeps
// no connections.
func (s *Store) Close() error {
	var errs []error
	for _, sv := range s.ring.servers {
		errs = append(errs, sv.pool.close())
	}
	return errors.Join(errs...)
}
