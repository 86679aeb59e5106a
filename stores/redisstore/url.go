package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func init() {
	driver.Register("redis", openURL)
	driver.Register("rediss", openURL) // with TLS
}

// clientOptions are the options of rueidis.ParseURL.
var clientOptions = []string{"db", "dial_timeout", "write_timeout", "addr", "skip_verify", "protocol", "client_cache",
	"max_retries", "client_name", "master_set"}

// openURL opens "redis://user:password@host:6379/0?prefix=shop:&cache_for=1s". With several hosts it is a Cluster, and
// with master_set they are Sentinels.
func openURL(_ context.Context, u *driver.URL) (driver.Backend, error) {
	var config Config
	if u.Cache {
		config.Prefix = "coatcheck-cache:"
	}
	u.Option("prefix", &config.Prefix)
	u.Option("cache_for", &config.CacheFor)
	query := u.Others(clientOptions...)
	if err := u.Check(); err != nil {
		return nil, err
	}
	if len(u.Hosts()) == 0 { // the client would take localhost
		return nil, errors.New("names no host: write redis://HOST:6379/0")
	}
	first, others := strings.ReplaceAll(u.Rest, "#", "%23"), []string(nil)
	if hosts := u.Hosts(); len(hosts) > 1 {
		first = strings.Replace(first, strings.Join(hosts, ","), hosts[0], 1)
		others = hosts[1:]
	}
	for _, host := range others {
		query += "&addr=" + url.QueryEscape(host)
	}
	option, err := rueidis.ParseURL(u.Scheme + ":" + first + "?" + query)
	if broken := (*url.Error)(nil); errors.As(err, &broken) {
		return nil, fmt.Errorf("is no redis://USER:PASSWORD@HOST:PORT/DATABASE: %w", broken.Err) // the text of broken has the whole URL
	}
	if err != nil {
		return nil, err
	}
	if addresses := option.InitAddress; slices.Contains(addresses, "") {
		return nil, errors.New("names no host")
	}
	store, err := Open(option, config)
	if err != nil {
		return nil, refused(err)
	}
	return store, nil
}

// refused says what to write instead, if Redis answers and refuses the URL: that is no outage.
func refused(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "WRONGPASS"), strings.Contains(text, "NOAUTH"):
		return errors.New("the server refuses this user: check USER and PASSWORD in the URL; a password alone is redis://:PASSWORD@HOST")
	case strings.Contains(text, "DB index is out of range"):
		return errors.New("the server has no database of this number: check the number after the host")
	}
	return err
}
