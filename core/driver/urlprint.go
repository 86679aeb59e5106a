package driver

import (
	"net/url"
	"strings"
)

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
