package redisstore

import (
	"bytes"
	"errors"
	"iter"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// restricted creates the package comment's user at a server, and returns options to log in as that user.
func restricted(tb testing.TB, server *startserver.Server, more ...string) rueidis.ClientOption {
	tb.Helper()
	text, err := os.ReadFile("redisstore.go")
	ok(tb, err)
	const line, first = "//	ACL SETUSER sessions ", "reset on >password "
	var words []string
	for _, part := range strings.Split(string(text), line)[1:] {
		part, _, _ = strings.Cut(part, "\n")
		words = append(words, part)
	}
	all := strings.Join(words, " ")
	if all != first+acl(DefaultPrefix) {
		tb.Fatalf("the package comment has %q, the advice %q", all, acl(DefaultPrefix))
	}
	command(tb, server, append(strings.Fields("ACL SETUSER sessions "+all), more...)...)
	return rueidis.ClientOption{InitAddress: []string{server.Addr}, Username: "sessions", Password: "password"}
}

// The package comment's user has the right to do everything that the store does.
func TestUserOfThePackageComment(t *testing.T) {
	server := startserver.Redis(t)
	option := restricted(t, server)
	for _, config := range []Config{{}, {CacheFor: time.Minute}} {
		s, err := Open(option, config)
		ok(t, err)
		useAll(t, s, server)
		ok(t, s.Close())
	}
	clock := storetest.NewClock()
	h := harness(clock, func(testing.TB) []*startserver.Server { return []*startserver.Server{server} },
		func(tb testing.TB, _ ...string) *Store {
			s, err := Open(option, Config{})
			ok(tb, err)
			tb.Cleanup(func() { _ = s.Close() })
			s.now = clock.Now
			return s
		})
	storetest.Run(t, h)
	if log := command(t, server, "ACL", "LOG"); log != "" {
		t.Errorf("refused: %s", log)
	}
}

// In a Cluster, each node needs the user.
func TestUserOfThePackageCommentInCluster(t *testing.T) {
	var option rueidis.ClientOption
	for _, node := range cluster(t) {
		option = restricted(t, node)
	}
	s, err := Open(option, Config{})
	ok(t, err)
	defer s.Close()
	rec := create(t, s, "alice", "data")
	ok(t, s.Update(t.Context(), rec))
	ok(t, loads(t.Context(), s, rec))
	ok(t, s.Delete(t.Context(), rec.ID))
	last := cluster(t)[2]
	restricted(t, last, "-zscore")
	if _, err := Open(option, Config{}); err == nil || !strings.Contains(err.Error(), "refuses ZSCORE") {
		t.Errorf("without ZSCORE at one node: %v", err)
	}
}

// If the user lacks a command or a kind of key, Open's error names it.
func TestOpenNamesWhatIsRefused(t *testing.T) {
	server := startserver.Redis(t)
	for _, word := range strings.Fields(aclCommands) {
		name := word[1:]
		config := Config{}
		switch name {
		case "cluster", "asking", "readonly", "info": // not used here, or not required
			continue
		case "client", "multi", "exec":
			config.CacheFor = time.Minute
		}
		s, err := Open(restricted(t, server, "-"+name), config)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), name) || !strings.Contains(err.Error(), acl(DefaultPrefix)) {
			t.Errorf("without %s: %v", name, err)
		}
		refused := (*refusal)(nil)
		if config.CacheFor == 0 && (!errors.As(err, &refused) || refused.command != strings.ToUpper(name)) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	for pattern, name := range map[string]string{"session:": "ZADD", "subject:": "GET", "label:": "GET"} {
		option := restricted(t, server, "resetkeys", "~coatcheck:"+pattern+"*")
		if _, err := Open(option, Config{}); err == nil || !strings.Contains(err.Error(), "refuses "+name) {
			t.Errorf("with the keys %s alone: %v", pattern, err)
		}
	}
	renamed := startserver.Redis(t, "--rename-command", "EVAL", "")
	_, err := Open(rueidis.ClientOption{InitAddress: []string{renamed.Addr}}, Config{})
	if err == nil || !strings.Contains(err.Error(), "refuses EVAL,") {
		t.Errorf("without scripts: %v", err)
	}
	s, err := Open(restricted(t, server), Config{})
	ok(t, err)
	defer s.Close()
	command(t, server, "ACL", "SETUSER", "sessions", "-zadd")
	if err := s.Create(t.Context(), newRecord("alice", "data")); err == nil || !strings.Contains(err.Error(), acl(DefaultPrefix)) {
		t.Errorf("Create without ZADD: %v", err)
	}
}

// Errors show the pattern of the store's own prefix. A user with that pattern may use these keys, whatever characters
// are in them, and no others.
func TestACLOfAnotherPrefix(t *testing.T) {
	server := startserver.Redis(t)
	for prefix, foreign := range map[string]string{
		"other:":       "coatcheck:",
		"{shop}:":      "s:",
		"all*[a-z]?:":  "allows:",
		`back\*slash:`: `back\slash:`,
		"two words:":   "words:",
		"a\x00\n\tb:":  "ab:",
	} {
		option := restricted(t, server, "resetkeys")
		_, err := Open(option, Config{Prefix: prefix})
		if err == nil || !strings.Contains(err.Error(), "refuses GET") {
			t.Fatalf("%q: without the keys: %v", prefix, err)
		}
		_, acl, _ := strings.Cut(err.Error(), "a user needs: ")
		words := strings.Fields(strings.TrimSuffix(acl, ")"))
		command(t, server, append([]string{"ACL", "SETUSER", "sessions", "reset", "on", ">password"}, words...)...)
		s, err := Open(option, Config{Prefix: prefix})
		if err != nil {
			t.Errorf("%q, with the ACL of the error: %v", prefix, err)
			continue
		}
		rec := create(t, s, "alice", "data")
		ok(t, s.Update(t.Context(), rec))
		if n := listed(t, s.BySubject(t.Context(), "alice")); n != 1 {
			t.Errorf("%q: %d sessions", prefix, n)
		}
		if _, err := Open(option, Config{Prefix: foreign}); err == nil {
			t.Errorf("%q: the user may use %q, too", prefix, foreign)
		}
		command(t, server, "ACL", "SETUSER", "sessions", "resetkeys")
		_, err = s.Load(t.Context(), rec.ID)
		if err == nil || !strings.Contains(err.Error(), acl) {
			t.Errorf("%q: Load without keys: %v", prefix, err)
		}
		command(t, server, "ACL", "SETUSER", "sessions", "off", ">another")
		s.Close()
		_, err = Open(option, Config{Prefix: prefix})
		if err == nil || !strings.Contains(err.Error(), words[0]) {
			t.Errorf("%q: Open without a user: %v", prefix, err)
		}
	}
}

// Open accepts a server that is full and one that evicts sessions, and warns about the second. It leaves no keys.
func TestOpenWarnsOfEviction(t *testing.T) {
	server := startserver.Redis(t)
	for _, policy := range []string{"noeviction", "allkeys-lru", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-ttl"} {
		command(t, server, "CONFIG", "SET", "maxmemory-policy", policy)
		for _, more := range []string{"+info", "-info"} {
			var log bytes.Buffer
			s, err := Open(restricted(t, server, more), Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			ok(t, err)
			s.Close()
			warned := strings.Contains(log.String(), "maxmemory-policy="+policy)
			if warned != (policy != "noeviction" && more == "+info") {
				t.Errorf("%s, %s: the log is %q", policy, more, log.String())
			}
		}
	}
	command(t, server, "CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1")
	s, err := Open(rueidis.ClientOption{InitAddress: []string{server.Addr}}, Config{})
	ok(t, err)
	s.Close()
	if n := command(t, server, "DBSIZE"); n != "0" {
		t.Errorf("Open left %s keys", n)
	}
}

// useAll makes every call once. The index has old members, so the calls for those are made, too.
func useAll(t *testing.T, s *Store, server *startserver.Server) {
	t.Helper()
	ctx := t.Context()
	rec, gone := create(t, s, "alice", "data"), create(t, s, "alice", "gone")
	ok(t, s.Delete(ctx, gone.ID))
	for _, member := range []string{string(rec.ID[:]), string(gone.ID[:])} {
		command(t, server, "ZADD", setKey(s.subjects, "alice"), "XX", "1", member)
	}
	create(t, s, "alice", "new") // loads the old ones
	ok(t, s.Update(ctx, rec))
	ok(t, s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Second)))
	ok(t, s.Succeed(ctx, ended(rec), newRecord("alice", "next")))
	other := create(t, openStore(t, nil, Config{}, server.Addr), "alice", "other")
	ok(t, loads(ctx, s, other))
	_, err := s.Reload(ctx, other.ID)
	ok(t, err)
	if driver.AbilitiesOf(s).Limiter != nil {
		_, err = s.CreateLimited(ctx, newRecord("alice", "\x01\x00"), driver.Limit{Most: 5})
		ok(t, err)
	}
	ok(t, s.Ping(ctx))
	for _, walk := range []iter.Seq2[driver.Record, error]{s.All(ctx), s.BySubject(ctx, "alice")} {
		if n := listed(t, walk); n < 2 {
			t.Errorf("%d records", n)
		}
	}
}
