package driver

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// URL is a store's URL, in its parts: SCHEME:REST?OPTION=VALUE&OPTION=VALUE. [Open] takes it apart, and gives it to the
// [Opener] of the scheme.
//
// It is no net/url.URL: that takes no list of servers, and its errors quote passwords.
type URL struct {
	// Scheme is what the Opener was registered for: "redis".
	Scheme string

	// Rest is what stands between the scheme's colon and the options, as it was written: "//user:password@host/0".
	Rest string

	// Create says whether the Opener may make what is missing: the folder, the file, the table. The option create=false
	// says no; every URL may have it. Default: true.
	Create bool

	// Cache says that the store will be a cache in front of another one. If both are on one server, their names must
	// differ: an Opener then takes another default for the prefix or the table.
	Cache bool

	options []option
	asked   []string // the names of all options that were asked for
	errs    []error
}

type option struct {
	name, value string
	raw         string // as it was written, but for what rawly escapes
	asked       bool
	unknown     bool // Check has found that there is no such option
}

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// ParseURL takes a store's URL apart, without the white space around it: a line of a file ends in a newline. Its errors
// quote nothing of it.
func ParseURL(text string) (*URL, error) {
	text = strings.TrimSpace(text)
	scheme, rest, found := strings.Cut(text, ":")
	switch {
	case !found:
		return nil, errors.New("a store's URL begins with a scheme and a colon, such as memory: or file:./sessions")
	case scheme == "" || strings.Trim(scheme, digits+letters[:26]+"+.-") != "":
		return nil, errors.New("a store's URL begins with a scheme of small letters and digits, such as memory: or redis://localhost:6379/0")
	}
	u := &URL{Scheme: scheme, Create: true}
	var query string
	u.Rest, query, _ = strings.Cut(rest, "?")
	if err := u.checkHosts(); err != nil {
		return nil, err
	}
	for raw := range strings.SplitSeq(query, "&") {
		if raw == "" {
			continue
		}
		name, value, _ := strings.Cut(raw, "=")
		if name == "" || strings.Trim(name, digits+letters+"_.-") != "" {
			return nil, errors.New("after the ? there must be options, name=value&name=value; write %3F for a ? in a password, and %26 for a & in a value")
		}
		value, err := url.QueryUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("option %s: a %% begins an escape of two hexadecimal digits; write %%25 for %% itself", name)
		}
		u.options = append(u.options, option{name: name, value: value, raw: rawly.Replace(raw)})
	}
	u.Option("create", &u.Create)
	return u, oneLine(u.errs)
}

// rawly escapes what ends a URL, or an option of one, for Go's package net/url and the clients that use it: they would
// pass over the rest without a word, and sslmode=verify-full with it.
var rawly = strings.NewReplacer("#", "%23", ";", "%3B")

// checkHosts refuses a host part in which something of a password may stand, so that what is shown of a URL
// shows no password.
func (u *URL) checkHosts() error {
	authority, path, found := u.authority()
	if authority == "" { // one slash, or three
		if user, _, at := strings.Cut(u.Rest, "@"); at && strings.Contains(user, ":") {
			return errors.New("a user and a password stand after //, SCHEME://USER:PASSWORD@HOST; in a path write %40 for @")
		}
	}
	if !found {
		return nil
	}
	bad := errors.New("the part after // is not USER:PASSWORD@HOST:PORT; in a user or password write %2F for /, %3F for ?, %40 for @, %25 for %")
	at := strings.LastIndex(authority, "@")
	if authority != "" && strings.Contains(path, "@") { // a / in the password
		return bad
	}
	for host := range strings.SplitSeq(authority[at+1:], ",") {
		host, generation, _ := strings.Cut(host, "#") // memcachestore
		name, port := host, ""
		if colon := strings.LastIndex(host, ":"); colon >= 0 && !strings.HasSuffix(host, "]") {
			name, port = host[:colon], host[colon+1:]
		}
		ipv6 := strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]")
		if strings.Trim(port, digits) != "" || strings.Trim(generation, digits+letters) != "" || !ipv6 && strings.ContainsAny(name, "[]()<>:%\\\"' ") {
			return bad
		}
	}
	return nil
}

// authority returns the part between // and the next /, and what follows.
func (u *URL) authority() (authority, path string, found bool) {
	rest, found := strings.CutPrefix(u.Rest, "//")
	if !found {
		return "", "", false
	}
	if slash := strings.Index(rest, "/"); slash >= 0 {
		return rest[:slash], rest[slash:], true
	}
	return rest, "", true
}

// User returns the user and the password before the @, decoded.
func (u *URL) User() (name, password string, err error) {
	authority, _, _ := u.authority()
	at := strings.LastIndex(authority, "@")
	if at < 0 {
		return "", "", nil
	}
	name, password, _ = strings.Cut(authority[:at], ":")
	name, err1 := url.PathUnescape(name)
	password, err2 := url.PathUnescape(password)
	if err1 != nil || err2 != nil {
		return "", "", errors.New("in a user or password, write %25 for %")
	}
	return name, password, nil
}

// Hosts returns the servers after the //: "host:port", or "host".
func (u *URL) Hosts() []string {
	authority, _, _ := u.authority()
	hosts := authority[strings.LastIndex(authority, "@")+1:]
	if hosts == "" {
		return nil
	}
	return strings.Split(hosts, ",")
}

// Name returns the path after the host without its first slash, decoded: a database's name.
func (u *URL) Name() (string, error) {
	_, path, _ := u.authority()
	return unescape(strings.TrimPrefix(path, "/"))
}

// Path returns the path of a file or a folder, decoded: of "file:./sessions", "file:/var/lib/sessions" and
// "file:///var/lib/sessions". An empty one is an error.
func (u *URL) Path() (string, error) {
	authority, path, found := u.authority()
	if !found {
		path = u.Rest
	}
	wrong := ""
	switch {
	case authority != "" && authority != "localhost":
		wrong = "names a host"
	case path == "":
		wrong = "names no file or folder"
	default:
		return unescape(path)
	}
	return "", fmt.Errorf("%s: write %s:FOLDER/FILE, or %s:///FOLDER/FILE for an absolute path", wrong, u.Scheme, u.Scheme)
}

func unescape(path string) (string, error) {
	path, err := url.PathUnescape(path)
	if err != nil {
		return "", errors.New("the path has a % that begins no escape: write %25 for %")
	}
	return path, nil
}
