package redisstore_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

func ExampleOpen() {
	option := rueidis.ClientOption{InitAddress: []string{os.Getenv("REDIS_ADDR")}} // "10.0.0.1:6379"
	store, err := redisstore.Open(option, redisstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close() // closes the store, and its client
	fmt.Println(m.Info().Name, m.Ping(context.Background()))
}

// For Sentinel, give the addresses of the Sentinels and the name of the master.
func ExampleOpen_sentinel() {
	option := rueidis.ClientOption{
		InitAddress: strings.Split(os.Getenv("REDIS_SENTINELS"), ","), // "10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379"
		Sentinel:    rueidis.SentinelOption{MasterSet: "main"},
	}
	store, err := redisstore.Open(option, redisstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	fmt.Println(store.Ping(context.Background()))
}

// Two applications in one Redis, of which this one keeps what it has read in memory for a second. Redis tells it about
// changes at once.
func ExampleConfig() {
	option := rueidis.ClientOption{InitAddress: []string{os.Getenv("REDIS_ADDR")}}
	store, err := redisstore.Open(option, redisstore.Config{
		Prefix:   "{shop}:", // with the braces, a Cluster keeps all sessions on one node
		CacheFor: time.Second,
		Logger:   slog.New(slog.NewJSONHandler(os.Stderr, nil)), // tells of a maxmemory-policy that evicts sessions
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Println(m.Breakers())
}

// The application has a client already, which it uses for more than sessions, and closes itself.
func ExampleNew() {
	ctx := context.Background()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{os.Getenv("REDIS_ADDR")}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	store, err := redisstore.New(client, redisstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	signIn(m, "alice")
	ours := client.B().Scan().Cursor(0).Match(redisstore.DefaultPrefix + "*").Count(1000).Build()
	keys, err := client.Do(ctx, ours).AsScanEntry()
	fmt.Println("keys of sessions:", len(keys.Elements) > 0, err)
}

// signIn does what an adapter does for the request of a sign-in.
func signIn(m *core.Manager, user string) {
	ctx := context.Background()
	x := m.Adapter().Begin(ctx, nil)
	s, err := x.Session(ctx)
	if err != nil {
		log.Fatal(err)
	}
	_ = s.Login(user)
	if _, err := x.Commit(ctx, http.StatusOK); err != nil {
		log.Fatal(err)
	}
	_ = x.Finish(ctx)
}

// TestExamples runs the Examples. Without an Output, go test only compiles them: they need a server.
func TestExamples(t *testing.T) {
	t.Setenv("REDIS_ADDR", startserver.Redis(t).Addr)
	_, _, sentinel := startserver.RedisSentinel(t)
	t.Setenv("REDIS_SENTINELS", sentinel.Addr)
	for _, c := range []struct {
		example func()
		want    string
	}{
		{ExampleOpen, "redisstore <nil>\n"},
		{ExampleOpen_sentinel, "<nil>\n"},
		{ExampleConfig, "map[redis:false]\n"},
		{ExampleNew, "keys of sessions: true <nil>\n"},
	} {
		if got := printed(t, c.example); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// printed returns what a function prints.
func printed(t *testing.T, print func()) string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdout := os.Stdout
	defer func() { os.Stdout = stdout }()
	os.Stdout = file
	print()
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
