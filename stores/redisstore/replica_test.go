package redisstore

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// With reads from a replica that is behind, a Load may be old; what this Store has written or reloaded is
// not, and nor are the lists.
func TestReplicaThatIsBehind(t *testing.T) {
	master := startserver.Redis(t, "--repl-diskless-sync-delay", "0")
	proxy := startserver.NewProxy(t, master.Addr)
	host, port, _ := net.SplitHostPort(proxy.Addr)
	replica := startserver.Redis(t, "--replicaof", host+" "+port)
	for !strings.Contains(command(t, replica, "INFO", "replication"), "master_link_status:up") {
		time.Sleep(time.Millisecond)
	}
	s, err := Open(rueidis.ClientOption{
		InitAddress:    []string{master.Addr},
		Standalone:     rueidis.StandaloneOption{ReplicaAddress: []string{replica.Addr}},
		SendToReplicas: func(cmd rueidis.Completed) bool { return cmd.Commands()[0] != "SET" }, // goes too far
	}, Config{})
	ok(t, err)
	defer s.Close()
	s.bypass = time.Hour // however long the rest of the test takes
	other := openStore(t, nil, Config{}, master.Addr)

	rec := create(t, other, "alice", "before")
	for command(t, replica, "EXISTS", s.key(rec.ID)) != "1" {
		time.Sleep(time.Millisecond)
	}
	proxy.Hang()
	before := *rec
	rec.Data = []byte("after")
	ok(t, other.Update(t.Context(), rec))
	if err := loads(t.Context(), s, &before); err != nil {
		t.Fatalf("the client does not read from the replica, or that is not behind: %v", err)
	}
	got, err := s.Reload(t.Context(), rec.ID)
	ok(t, err)
	if got.Version != rec.Version {
		t.Errorf("Reload: version %d, want %d", got.Version, rec.Version)
	}
	ok(t, loads(t.Context(), s, rec))
	own := create(t, s, "alice", "own")
	ok(t, loads(t.Context(), s, own))
	if n := listed(t, s.BySubject(t.Context(), "alice")); n != 2 {
		t.Errorf("%d records of the subject, want 2", n)
	}
	if n := listed(t, s.All(t.Context())); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}
