package nearest_test

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/nearest"
)

func TestSuggest(t *testing.T) {
	names := []string{"redis", "memcache", "sqlite", "redis"}
	for name, want := range map[string]string{
		"redsi":     "did you mean redis?",
		"REDIS":     "did you mean redis?",
		"memcached": "did you mean memcache?",
		"paper":     "there are memcache, redis, sqlite",
		"":          "there are memcache, redis, sqlite",
	} {
		if got := nearest.Suggest(name, names); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
