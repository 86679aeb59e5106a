package driver

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/nearest"
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
// "file:///var/lib/sessions".
func (u *URL) Path() (string, error) {
	authority, path, found := u.authority()
	switch {
	case !found:
		return unescape(u.Rest)
	case authority != "" && authority != "localhost":
		return "", fmt.Errorf("names a host: write %s:FOLDER/FILE, or %s:///FOLDER/FILE for an absolute path", u.Scheme, u.Scheme)
	}
	return unescape(path)
}

func unescape(path string) (string, error) {
	path, err := url.PathUnescape(path)
	if err != nil {
		return "", errors.New("the path has a % that begins no escape: write %25 for %")
	}
	return path, nil
}

// Option reads an option into a *string, *bool, *int, *int64 or *time.Duration, and leaves that alone if the URL does
// not have it. A value that is wrong becomes an error of Check.
func (u *URL) Option(name string, into any) {
	value, ok := u.take(name)
	if !ok {
		return
	}
	var err error
	switch into := into.(type) {
	case *string:
		*into = value
	case *bool:
		*into, err = strconv.ParseBool(value)
		err = unless(err, "is true or false")
	case *int:
		*into, err = strconv.Atoi(value)
		err = unless(err, "is a whole number")
	case *int64:
		*into, err = strconv.ParseInt(value, 10, 64)
		err = unless(err, "is a whole number")
	case *time.Duration:
		*into, err = time.ParseDuration(value)
		err = unless(err, "is a time with its unit, such as 500ms, 30s or 2h")
	default:
		panic(fmt.Sprintf("driver: URL.Option cannot read a %T", into))
	}
	if err != nil {
		u.errs = append(u.errs, fmt.Errorf("option %s %w", name, err))
	}
}

func unless(err error, text string) error {
	if err == nil {
		return nil
	}
	return errors.New(text)
}

// take returns the value of an option, marks it as asked for, and notes that there is such an option.
func (u *URL) take(name string) (value string, ok bool) {
	u.asked = append(u.asked, name)
	for i := range u.options {
		o := &u.options[i]
		if o.name != name {
			continue
		}
		if ok {
			u.errs = append(u.errs, fmt.Errorf("option %s stands there twice", name))
		}
		o.asked, value, ok = true, o.value, true
	}
	return value, ok
}

// Secret reads an option whose value must not stand in a URL: keys=env:NAME takes it from the environment, keys=file:PATH
// from a file. It returns "" if the URL does not have the option.
func (u *URL) Secret(name string) string {
	value, ok := u.take(name)
	if !ok {
		return ""
	}
	text, err := ReadSecret(value)
	if err != nil {
		u.errs = append(u.errs, fmt.Errorf("option %s: %w", name, err))
	}
	return text
}

// ReadSecret returns the secret that a reference names: env:NAME is an environment variable, file:PATH a file, without
// the white space around it. The errors do not quote what was read, nor a reference of another form, which may be the secret itself.
func ReadSecret(reference string) (string, error) {
	kind, name, _ := strings.Cut(reference, ":")
	var text string
	switch {
	case kind == "env" && !isVariable(name):
		return "", errors.New("env: needs the name of an environment variable after it, letters, digits and _, at most 40; a key that is called env needs another ID")
	case kind == "env":
		text = os.Getenv(name)
	case kind == "file" && name != "":
		content, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		text = string(content)
	default:
		return "", errors.New("is no reference to a secret: write env:NAME for an environment variable, or file:PATH")
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", fmt.Errorf("%s %s is empty, or not there", map[string]string{"env": "the environment variable", "file": "the file"}[kind], name)
	}
	return text, nil
}

// isVariable reports whether name may be that of an environment variable, and not a key of 32 bytes in base64: "env:..."
// is also how a key with the ID env is written.
func isVariable(name string) bool {
	return name != "" && len(name) <= 40 && strings.Trim(name, digits+letters+"_") == ""
}

// Others returns those of the options with these names, as they were written, for a client library that has options of its
// own: "sslmode=require". Without names, it returns all options that nobody has asked for yet. They count as asked for.
func (u *URL) Others(names ...string) (query string) {
	u.asked = append(u.asked, names...)
	var raw []string
	for i := range u.options {
		if o := &u.options[i]; !o.asked && (len(names) == 0 || slices.Contains(names, o.name)) {
			o.asked = true
			raw = append(raw, o.raw)
		}
	}
	return strings.Join(raw, "&")
}

// Check returns an error if an option had a wrong value, or if nobody has asked for it. An Opener calls it before it opens
// anything, when it has read its options.
func (u *URL) Check() error {
	errs := slices.Clone(u.errs)
	for i := range u.options {
		if o := &u.options[i]; !o.asked {
			o.unknown = true
			errs = append(errs, fmt.Errorf("there is no option %.40q; %s", o.name, nearest.Suggest(o.name, u.asked)))
		}
	}
	return oneLine(errs)
}

// String is the URL without its password, and without the secrets in its options.
func (u *URL) String() string {
	var b strings.Builder
	b.WriteString(u.Scheme + ":")
	authority, path, found := u.authority()
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		if user, _, secret := strings.Cut(authority[:at], ":"); secret {
			authority = user + ":xxxxx" + authority[at:]
		}
	}
	if found {
		b.WriteString("//" + authority + path)
	} else {
		b.WriteString(u.Rest)
	}
	for i, o := range u.options {
		b.WriteString([]string{"&", "?"}[btoi(i == 0)] + o.shown())
	}
	return b.String()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// secretWords are in the names of options whose value is shown only if it is a reference to a secret.
var secretWords = []string{"pass", "pwd", "secret", "token", "key"}

// shown is the option as it was written, unless it holds a secret, or a URL that may. An unknown option may be "pasword".
func (o option) shown() string {
	if o.unknown {
		return o.name + "=xxxxx"
	}
	kind, name, _ := strings.Cut(o.value, ":")
	reference := kind == "env" && isVariable(name) || kind == "file"
	for _, word := range secretWords {
		if strings.Contains(strings.ToLower(o.name), word) && !reference {
			return o.name + "=xxxxx"
		}
	}
	if strings.Contains(o.value, ":") && (strings.Contains(o.value, "//") || strings.Contains(o.value, "@")) {
		return o.name + "=" + RedactURL(o.value)
	}
	return o.raw
}

// RedactURL returns a store's URL without what is secret in it, for logs and errors. Of text that is no such URL it
// returns the scheme only.
func RedactURL(text string) string {
	u, err := ParseURL(text)
	if err == nil {
		return u.String()
	}
	if scheme, _, found := strings.Cut(text, ":"); found && len(scheme) <= 16 && !strings.ContainsAny(scheme, "/@?& ") {
		return scheme + ":..."
	}
	return "..."
}

// secrets are the texts that no error may repeat.
func (u *URL) secrets() (list []string) {
	authority, _, _ := u.authority()
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		_, written, _ := strings.Cut(authority[:at], ":")
		_, decoded, _ := u.User()
		list = append(list, written, decoded, url.QueryEscape(decoded), url.PathEscape(decoded))
	}
	for _, o := range u.options {
		if o.unknown || o.shown() == o.raw { // the error for an unknown option does not quote its value
			continue
		} else if inner, err := ParseURL(o.value); err == nil && strings.Contains(o.value, "//") {
			list = append(list, inner.secrets()...)
		} else {
			list = append(list, o.value)
		}
	}
	return list
}
