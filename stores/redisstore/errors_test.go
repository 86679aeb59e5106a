package redisstore

import (
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/testserver"
)

// A user who may do what the advice says, and nothing else, can do everything.
func TestAdviceNamesAllCommands(t *testing.T) {
	server := testserver.Redis(t)
	grant := []string{"ACL", "SETUSER", "app", "on", ">secret", "~coatcheck:*"}
	for _, word := range strings.FieldsFunc(commands, func(r rune) bool { return r == ' ' || r == ',' }) {
		if word == strings.ToUpper(word) {
			grant = append(grant, "+"+word)
		}
	}
	command(t, server, grant...)
	for _, config := range []Config{{}, {CacheFor: time.Minute}} {
		s, err := Open(rueidis.ClientOption{InitAddress: []string{server.Addr}, Username: "app", Password: "secret"}, config)
		ok(t, err)
		useAll(t, s, server)
		ok(t, s.Close())
	}
	if log := command(t, server, "ACL", "LOG"); log != "" {
		t.Errorf("refused: %s", log)
	}
	command(t, server, "ACL", "SETUSER", "app", "-zadd")
	s, err := Open(rueidis.ClientOption{InitAddress: []string{server.Addr}, Username: "app", Password: "secret"}, Config{})
	ok(t, err)
	defer s.Close()
	if err := s.Create(t.Context(), newRecord("alice", "data")); err == nil || !strings.Contains(err.Error(), commands) {
		t.Errorf("without ZADD: %v", err)
	}
}

// useAll makes every call once, with an index that has old members to look at.
func useAll(t *testing.T, s *Store, server *testserver.Server) {
	t.Helper()
	ctx := t.Context()
	rec, gone := create(t, s, "alice", "data"), create(t, s, "alice", "gone")
	ok(t, s.Delete(ctx, gone.ID))
	for _, member := range []string{string(rec.ID[:]), string(gone.ID[:])} {
		command(t, server, "ZADD", s.subjects+"alice", "XX", "1", member)
	}
	create(t, s, "alice", "new") // looks at the old ones
	ok(t, s.Update(ctx, rec))
	ok(t, s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Second)))
	ok(t, s.Succeed(ctx, ended(rec), newRecord("alice", "next")))
	other := create(t, openStore(t, nil, Config{}, server.Addr), "alice", "other")
	ok(t, loads(ctx, s, other))
	_, err := s.Reload(ctx, other.ID)
	ok(t, err)
	ok(t, s.Ping(ctx))
	for _, walk := range []iter.Seq2[driver.Record, error]{s.All(ctx), s.BySubject(ctx, "alice")} {
		if n := listed(t, walk); n < 2 {
			t.Errorf("%d records", n)
		}
	}
}
