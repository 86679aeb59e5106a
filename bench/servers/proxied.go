package servers

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// Proxied is an Env whose servers are reached through proxies, which count round trips and break
// connections. They cost time: nothing is timed through them.
type Proxied struct {
	Env peer.Env

	proxies []*startserver.Proxy
	tb      tb
	remove  func()
}

// Proxied returns an Env as Set.Env does. Close it.
func (s *Set) Proxied(app peer.App) (*Proxied, error) {
	env, remove, err := s.Env(app)
	if err != nil {
		return nil, err
	}
	p := &Proxied{Env: env, remove: remove}
	err = try(func() {
		if env.Redis != "" {
			p.Env.Redis = p.to(env.Redis)
		}
		if env.Memcached != "" {
			p.Env.Memcached = p.to(env.Memcached)
		}
		if env.Postgres != "" {
			dsn, _ := url.Parse(env.Postgres)
			dsn.Host = p.to(dsn.Host)
			p.Env.Postgres = dsn.String()
		}
	})
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Proxied) to(addr string) string {
	proxy := startserver.NewProxy(&p.tb, addr)
	p.proxies = append(p.proxies, proxy)
	return proxy.Addr
}

// Close ends the proxies and removes the folder.
func (p *Proxied) Close() {
	p.tb.cleanup()
	p.remove()
}

// Down makes the servers as good as gone: connections are reset and refused.
func (p *Proxied) Down() {
	for _, proxy := range p.proxies {
		proxy.Down()
	}
}

// Up ends Down.
func (p *Proxied) Up() error {
	return try(func() {
		for _, proxy := range p.proxies {
			proxy.Up(&p.tb)
		}
	})
}

// RoundTrips is how many there have been, to all servers.
func (p *Proxied) RoundTrips() int {
	n := 0
	for _, proxy := range p.proxies {
		n += proxy.Stats().RoundTrips
	}
	return n
}

// RoundTrips counts those of one request in each of the cases "A" to "E", in a pass of its
// own. The map is nil for a store without a server. The median of some requests
// leaves out what a client does in the background and once for each connection.
func (s *Set) RoundTrips(app peer.App) (map[string]float64, error) {
	switch app.Store {
	case "redis", "memcached", "postgres":
	default:
		return nil, nil
	}
	p, err := s.Proxied(app)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	running, err := app.New(p.Env)
	if err != nil {
		return nil, err
	}
	defer running.Close()
	fill := running.Caller(peer.Fill, "")
	fill.Call()
	cookie := fill.Cookie("")
	trips := map[string]float64{}
	for _, c := range []struct{ name, path, cookie string }{
		{"A", peer.Untouched, ""},
		{"B", peer.Untouched, cookie},
		{"C", peer.Read, cookie},
		{"D", peer.Write, cookie},
		{"E", peer.New, ""},
	} {
		caller := running.Caller(c.path, c.cookie)
		counts := make([]int, 15)
		for i := range counts {
			before := p.RoundTrips()
			caller.Call()
			counts[i] = p.RoundTrips() - before
			if status := caller.Status(); status != 200 {
				return nil, fmt.Errorf("%s: status %d", c.path, status)
			}
		}
		slices.Sort(counts)
		trips[c.name] = float64(counts[len(counts)/2])
	}
	return trips, nil
}
