// Package redisstore keeps sessions in Redis: one server, a Sentinel group, or a Cluster. It needs Redis 6.2 or newer,
// or a server that speaks its protocol and runs its Lua scripts. It is for applications on several machines that
// already run Redis.
//
//	store, err := redisstore.Open(rueidis.ClientOption{InitAddress: []string{"127.0.0.1:6379"}}, redisstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// The client's options choose the kind: several addresses mean a Cluster, Sentinel.MasterSet means Sentinel. [Open]
// sets the options that matter for sessions and owns the client. [New] takes a client that the application already
// has.
//
// The client library was chosen by measurement. With a connection for each call, rueidis answers a single caller as
// fast as go-redis does, serves 1.5 times as many calls for 32 callers, and has client-side caching.
//
// # Expiry
//
// Each record holds its deadline. The store enforces it to the microsecond, by the application's clock. Redis gets a
// time to live that is never shorter, so it removes the record by itself. The clock of Redis does not matter.
//
// # Concurrency
//
// A record is one key. Update, Touch and Succeed are Lua scripts that compare the version on the server. Create is SET
// NX, Delete is DEL, Load and Reload are GET. Each is one round trip. Three rare cases take more: the first use of a
// script on a server that does not know it yet; a deadline that moves past a 32-day boundary; an Update whose Created,
// Subject or Labels differ from the stored ones.
//
// CreateLimited is a Lua script, too. It takes one round trip for a user's first session. For the others it takes two,
// since a script must be told which keys it looks at, and one more each time that another sign-in of the same user comes
// in between. With five sessions that takes 2.5 times as long as a Create.
//
// If a connection is lost during a command, the store sends the command again. A mark in the record then tells whether
// the first attempt succeeded.
//
// A record in the format of a newer release is ErrUnreadable and stays unchanged, for every method but Delete. Walks
// skip it, and skip what is no record at all, and end in that error.
//
// # Abilities
//
// [driver.Successor], [driver.Reloader], [driver.Lister], [driver.Indexer], [driver.Pinger], [driver.Inspector],
// [driver.Checker], [io.Closer], which closes what Open has made, and [driver.Limiter]. It is no driver.Limiter in a Cluster without a common hash tag: no script
// can see a user's sessions there. It is no [driver.Counter]: Redis would have to scan all keys. After Open with
// Config.CacheFor it is a [driver.Watcher], too: Redis tells of changes, so a stream that follows its session
// (Session.Done of package core) ends at once, and not only when it is asked for the next time. Ask
// [driver.AbilitiesOf] for the abilities.
//
// The index is a sorted set of sessions for each subject and for each label, under a hash of the name, which may stay
// when the sessions have gone. It needs no keyspace notifications:
// BySubject and ByLabel look at each record and drop members whose record is gone, and each new session looks at some
// of the oldest members of its sets. In a Cluster without a common hash tag (see Config.Prefix), the index and the
// record are on different nodes. A Create that could not write both returns ErrUnavailable. Succeed takes two steps
// there. If the process crashes between them, an unused record may stay until its deadline.
//
// With Config.CacheFor, Load answers from the process's memory until Redis says that the record has changed. The
// field's comment says what may be stale, and for how long. If the client sends reads to replicas (rueidis's
// SendToReplicas), Load may be as far behind as they are.
//
// Reload asks the primary and no cache. After a Reload, Load of that record also asks the primary, for CacheFor or 5 s,
// whichever is shorter; for 5 s without CacheFor. If the Store knows of a cache (Config.CacheFor) or of replicas (the options of Open), the same holds for
// each record that it has written. The index is always read at the primary.
//
// # Access
//
// A Redis user with these rights, and no others, is enough. With another Config.Prefix, the key pattern begins with
// that prefix. Errors about rights show the pattern, escaped where the prefix contains blanks or a \, *, ? or [.
//
//	ACL SETUSER sessions reset on >password ~coatcheck:* +get +set +del +getrange +setrange +pexpire +pttl
//	ACL SETUSER sessions +zadd +zrange +zrangebyscore +zrem +zscore +time +eval +evalsha +role +scan +ping
//	ACL SETUSER sessions +info +client +multi +exec +cluster +asking +readonly
//
// Type these lines at the prompt of redis-cli. In a shell, quote '>password' and '~coatcheck:*'. Redis forgets the
// user at a restart, unless ACL SAVE has written it to an aclfile or it is in redis.conf. Put the name and the
// password into the client's options, Username and Password. If the user lacks a right, Open fails, and the error
// names the command and the whole list.
//
// No channels are needed. CLIENT, MULTI and EXEC are for CacheFor. CLUSTER, ASKING and READONLY are for a Cluster.
// Without INFO, Open cannot warn.
//
// # Damage
//
// A record has a checksum, and a copy of what scripts change in it. A record that was damaged in Redis is ErrCorrupt.
// It is never taken for another record, and never for a missing one. Touch checks neither Data nor the names, and
// leaves them unchanged. An Update replaces damaged Data.
//
// # Limits
//
// A session takes about 390 bytes in Redis besides its Data. If it is the only one in its sets, the set of its subject
// takes 190 bytes more, and that of each label 150. MaxData is 8 MiB.
//
// Under "maxmemory", Redis must have the policy noeviction, because every other policy throws out live sessions. When
// Redis is full, reads and Delete still work, and everything else is ErrUnavailable.
//
// A call to a server that hangs ends at its context's deadline, or after 2 s if it has none. After five failures in a
// row, calls fail at once. Calls that all began before the first of them failed do not count: the last must have begun
// after that. One call every quarter of a second still goes through and tries again. In a Cluster, each sixteenth of the
// slots counts its own failures. A context that is canceled before its deadline does not interrupt a call of Open's client.
//
// Comparing versions takes time. Where a SET takes 12 us on loopback, the smallest script that compares and writes
// takes 16 us, and Update takes 20 us. Load takes 1.1 times as long as a plain GET. From memory it takes about 1 us.
//
// # Durability
//
// That of the Redis configuration. With "appendonly yes" and "appendfsync always", what was acknowledged survives a
// crash. With "everysec", all but the last second does. Without either, sessions end with the server. A failover to a
// replica may lose what was not yet replicated, a logout as well as a login. Restoring a backup brings ended sessions
// back: see "After a restored backup" in SECURITY.md.
//
// The guide is docs/choosing-a-store.md.
package redisstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
)

// MaxData is the length of the largest Record.Data, in bytes.
const MaxData = 8 << 20

// DefaultPrefix begins the names of all keys unless Config.Prefix is set.
const DefaultPrefix = "coatcheck:"

// Config sets up a Store. The zero value is ready to use.
type Config struct {
	// Prefix begins the names of all keys. It separates the sessions of several
	// applications in one Redis. With a hash tag, "{shop}:", a Cluster keeps all keys
	// on one node. At most 200 bytes. Default: DefaultPrefix.
	Prefix string

	// CacheFor turns on client-side caching: after Load has asked Redis, it answers from memory
	// for at most this long. Redis tells the process when a record changes. A Load sees at once what
	// this Store itself has written or reloaded. After a write by another server, a Load may
	// return the old state until the notice arrives, usually well under a millisecond later. If the
	// connection that brings the notices hangs, that lasts for at most CacheFor. A session that was
	// ended elsewhere may be accepted for that time. No write is lost: Update compares
	// versions at the server. Not negative. Needs Redis 6 or newer. Default: 0, no caching.
	CacheFor time.Duration

	// Logger gets a warning from Open if a full Redis would throw out live sessions. Default: slog.Default().
	Logger *slog.Logger
}

// Store is a driver.Store in Redis. Make one with Open or New. Its methods may be called concurrently.
type Store struct {
	client   rueidis.Client
	breakers [breakerCount]*breaker.Breaker
	now      func() time.Time
	log      *slog.Logger

	prefix                     string // of all keys
	sessions, subjects, labels string // the prefixes of each kind of key
	oneSlot                    bool   // all keys are on one node
	cacheFor, bypass           time.Duration
	lags                       bool // Load may not see yet what this Store has written
	written                    recent
	notices                    *notices // of changes; nil: the client does not bring any
	close                      func()
}

var (
	_ driver.Store     = (*Store)(nil)
	_ driver.Successor = (*Store)(nil)
	_ driver.Reloader  = (*Store)(nil)
	_ driver.Lister    = (*Store)(nil)
	_ driver.Indexer   = (*Store)(nil)
	_ driver.Limiter   = (*Store)(nil)
	_ driver.Pinger    = (*Store)(nil)
	_ driver.Breaker   = (*Store)(nil)
	_ driver.Watcher   = (*Store)(nil)
	_ io.Closer        = (*Store)(nil)
	_ driver.Inspector = (*Store)(nil)
	_ driver.Checker   = (*Store)(nil)
)

// Open connects and returns a store that owns its client. It checks config as [New] does.
//
// Open fills in zero options and always disables auto-pipelining: a request waits for each of its calls, and over a
// connection of its own the answer comes sooner. It sets buffers of 16 KiB instead of 512, a cache of 32 MiB for each
// connection, timeouts of 2 s to dial and for each exchange, a RetryDelay that repeats a read once, and a dialer whose
// connections notice before a command that the server has closed them. With Config.CacheFor it listens to OnInvalidations,
// and calls the option's own function afterwards. Without Config.CacheFor it also disables the
// client's cache. It calls a SendToReplicas for reads only.
//
// Redis must answer, or Open returns ErrUnavailable. Open sends every command that the store uses to each node that
// answers, in a form that changes nothing. If a node refuses one, the error names it: the user's ACL lacks the
// command, it was renamed, or the server runs no scripts. If the maxmemory-policy throws out sessions, Open warns
// through Config.Logger.
func Open(option rueidis.ClientOption, config Config) (*Store, error) {
	option.DisableAutoPipelining = true
	told := &notices{}
	if config.CacheFor == 0 {
		option.DisableCache = true
	} else {
		others := option.OnInvalidations
		option.OnInvalidations = func(keys []rueidis.RedisMessage) {
			told.come(keys)
			if others != nil {
				others(keys)
			}
		}
	}
	if option.ReadBufferEachConn == 0 {
		option.ReadBufferEachConn = 16 << 10
	}
	if option.WriteBufferEachConn == 0 {
		option.WriteBufferEachConn = 16 << 10
	}
	if option.CacheSizeEachConn == 0 {
		option.CacheSizeEachConn = 32 << 20
	}
	if option.RetryDelay == nil {
		option.RetryDelay = retryDelay
	}
	if option.Dialer.Timeout == 0 {
		option.Dialer.Timeout = patience
	}
	if option.ConnWriteTimeout == 0 {
		option.ConnWriteTimeout = patience
	}
	if option.DialCtxFn == nil && option.DialFn == nil {
		option.DialCtxFn = dial
	}
	replicas := option.SendToReplicas
	if replicas != nil {
		option.SendToReplicas = func(cmd rueidis.Completed) bool { return cmd.IsReadOnly() && replicas(cmd) }
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		return nil, unavailable(context.Background(), config.prefix(), "redisstore: connect", err)
	}
	s, err := New(client, config)
	if err != nil {
		client.Close()
		return nil, err
	}
	s.close = client.Close
	if config.CacheFor > 0 {
		s.notices = told
	}
	if err := s.check(context.Background()); err != nil {
		client.Close()
		return nil, err
	}
	if replicas != nil {
		s.lags, s.bypass = true, maxBypass
	}
	return s, nil
}

// New returns a store that uses the application's client, which stays the caller's to close. New checks that
// client is not nil, that Prefix is at most 200 bytes and that CacheFor is not negative. It asks the server nothing:
// the first calls find out what Open would have checked.
//
// A client with auto-pipelining, rueidis's default, carries half as many calls again as Open's at high concurrency,
// but a single call takes up to twice as long. If the client has a SendToReplicas, that function must return false
// unless cmd.IsReadOnly(): the store sends some reads unmarked, because the primary must answer them.
func New(client rueidis.Client, config Config) (*Store, error) {
	switch {
	case client == nil:
		return nil, errors.New("redisstore: client is nil")
	case len(config.Prefix) > 200:
		return nil, fmt.Errorf("redisstore: Config.Prefix has %d bytes, want at most 200", len(config.Prefix))
	case config.CacheFor < 0:
		return nil, fmt.Errorf("redisstore: Config.CacheFor is %v, want 0 or more", config.CacheFor)
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	prefix := config.prefix()
	s := &Store{
		client:   client,
		now:      time.Now,
		log:      config.Logger,
		prefix:   prefix,
		sessions: prefix + "session:",
		subjects: prefix + "subject:",
		labels:   prefix + "label:",
		oneSlot:  client.Mode() != rueidis.ClientModeCluster || hasTag(prefix),
		cacheFor: config.CacheFor,
		bypass:   maxBypass,
		lags:     config.CacheFor > 0,
	}
	if config.CacheFor > 0 {
		s.bypass = min(config.CacheFor, maxBypass)
	}
	for i := range s.breakers {
		s.breakers[i] = breaker.New(0, 0)
	}
	return s, nil
}

func (c *Config) prefix() string {
	if c.Prefix == "" {
		return DefaultPrefix
	}
	return c.Prefix
}

// hasTag reports whether keys with this prefix have a hash tag. The rule is Redis's own: the first { counts, and
// something must stand between it and the next }.
func hasTag(prefix string) bool {
	_, rest, found := strings.Cut(prefix, "{")
	return found && strings.IndexByte(rest, '}') > 0
}

// retryDelay lets the client retry a read once, over another connection.
func retryDelay(attempts int, _ rueidis.Completed, err error) time.Duration {
	if attempts > 1 && !errors.Is(err, errStale) {
		return -1
	}
	return 0
}

// Info implements driver.Backend.
func (*Store) Info() driver.Info { return driver.Info{Name: "redisstore"} }

// Breakers implements driver.Breaker: its only part is "redis". Of a Cluster, it is true if any node is refused.
func (s *Store) Breakers() map[string]bool {
	open := false
	for _, b := range s.breakers {
		open = open || b.Open()
	}
	return map[string]bool{"redis": open}
}

// Ping implements driver.Pinger.
func (s *Store) Ping(ctx context.Context) error {
	const op = "redisstore: ping"
	msg, _, err := s.do(ctx, op, s.client.B().Ping().Build())
	return checkKind(op, err, isText(&msg, "PONG"))
}

// Close implements io.Closer. It closes the client that Open made. A client that was given to New stays open: it is
// the caller's to close.
func (s *Store) Close() error {
	if s.close != nil {
		s.close()
	}
	return nil
}

// key returns the key of a record. It makes one allocation.
func (s *Store) key(id driver.ID) string {
	var buf [300]byte
	return string(hex.AppendEncode(append(buf[:0], s.sessions...), id[:]))
}
