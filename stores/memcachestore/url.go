package memcachestore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func init() { driver.Register("memcache", openURL) }

// openURL opens "memcache://a:11211,b:11211?prefix=shop:", and with a user and a password servers with -Y. All
// application servers need the same list: it decides which memcached server has which session.
func openURL(_ context.Context, u *driver.URL) (driver.Backend, error) {
	var config Config
	if u.Cache {
		config.Prefix = "cache:"
	}
	u.Option("prefix", &config.Prefix)
	u.Option("timeout", &config.Timeout)
	u.Option("max_conns", &config.MaxConns)
	u.Option("max_idle_conns", &config.MaxIdleConns)
	u.Option("max_item", &config.MaxItem)
	if err := u.Check(); err != nil {
		return nil, err
	}
	user, password, err := u.User()
	if err != nil {
		return nil, err
	}
	if user != "" || password != "" {
		config.DialContext = dialAs(user, password)
	}
	servers := u.Hosts()
	name, err := u.Name()
	switch {
	case err != nil:
		return nil, err
	case len(servers) == 0 && name != "":
		servers = []string{"/" + name} // a Unix socket
	case len(servers) == 0 || name != "":
		return nil, errors.New("is no memcache://HOST:PORT,HOST:PORT and no memcache:///SOCKET")
	}
	return New(servers, config)
}

// dialAs returns a Config.DialContext that signs in on each connection.
func dialAs(user, password string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if err := signIn(ctx, c, user+" "+password); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		return c, nil
	}
}

func signIn(ctx context.Context, c net.Conn, text string) error {
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "set auth 0 0 %d\r\n%s\r\n", len(text), text); err != nil {
		return err
	}
	answer, err := bufio.NewReaderSize(c, 16).ReadString('\n')
	switch {
	case err != nil:
		return err
	case strings.TrimSpace(answer) != "STORED":
		return errors.New("memcached refuses this user and password: see the file of its option -Y")
	}
	return c.SetDeadline(time.Time{})
}
