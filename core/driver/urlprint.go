package driver

import (
	"net/url"
	"slices"
	"strconv"
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
		b.WriteString(u.shownRest())
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
var secretWords = []string{"pass", "pw", "secret", "token", "key", "auth"}

func hasSecretWord(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(text, word) })
}

// shownRest is Rest of a URL without //. It is a path, or what is left of a URL whose scheme or // was forgotten, or a
// list of key=value.
func (u *URL) shownRest() string {
	switch at := strings.LastIndex(u.Rest, "@"); {
	case strings.Contains(u.Rest, "=") && hasSecretWord(u.Rest):
		return "..."
	case at >= 0 && !strings.HasPrefix(u.Rest, ".") && !strings.HasPrefix(u.Rest, "/"):
		return "xxxxx" + u.Rest[at:]
	}
	return u.Rest
}

// shown is the option as it was written, unless it holds a secret, or a URL that may. An unknown option may be "pasword".
func (o option) shown() string {
	if o.unknown {
		return o.name + "=xxxxx"
	}
	kind, name, _ := strings.Cut(o.value, ":")
	reference := kind == "env" && isVariable(name) || kind == "file"
	if !reference && hasSecretWord(o.name) {
		return o.name + "=xxxxx"
	}
	if strings.Contains(o.value, ":") && (strings.Contains(o.value, "//") || strings.Contains(o.value, "@")) {
		return o.name + "=" + RedactURL(o.value)
	}
	if strings.Contains(o.value, "=") && hasSecretWord(o.value) { // a second ? in the URL
		return o.name + "=xxxxx"
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

// secret is a text that no error may repeat, in one of the ways to write it, and the name of its option.
type secret struct{ name, value string }

func (u *URL) secrets() (list []secret) {
	authority, _, _ := u.authority()
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		_, written, _ := strings.Cut(authority[:at], ":")
		_, decoded, _ := u.User()
		quoted := strings.Trim(strconv.Quote(decoded), `"`)
		for _, value := range []string{written, decoded, quoted, url.QueryEscape(decoded), url.PathEscape(decoded)} {
			list = append(list, secret{"password", value})
		}
	}
	for _, o := range u.options {
		if o.unknown || o.shown() == o.raw { // the error for an unknown option does not quote its value
			continue
		} else if inner, err := ParseURL(o.value); err == nil && strings.Contains(o.value, "//") {
			list = append(list, inner.secrets()...)
		} else {
			list = append(list, secret{o.name, o.value})
		}
	}
	return list
}

// mask takes the secrets out of the text of an error, where a client library may have put them. To mask each occurrence
// would tell a password that is a word of the text: "user=xxxxx". So a secret is masked in the places where a secret
// stands whatever it is, a data source in quotes is left out, and elsewhere only what nobody takes for a word is masked.
func (u *URL) mask(text string) string {
	shown, pairs := u.String(), []string(nil)
	for _, s := range u.secrets() {
		if s.value == "" || s.value == "PASSWORD" { // as our own advice is written
			continue
		}
		pairs = append(pairs, ":"+s.value+"@", ":xxxxx@", s.name+"="+s.value, s.name+"=xxxxx")
		if s.unlikeWords() && !strings.Contains(shown, s.value) {
			pairs = append(pairs, s.value, "xxxxx")
		}
	}
	text = strings.NewReplacer(pairs...).Replace(text) // in one pass: the password may be x
	return withoutSources(text)
}

// withoutSources leaves out what stands in quotes and looks like a data source.
func withoutSources(text string) string {
	var b strings.Builder
	for {
		begin := strings.IndexAny(text, "`\"")
		if begin < 0 {
			return b.String() + text
		}
		end := quotedEnd(text, begin)
		if end < 0 { // another quote may begin further on
			b.WriteString(text[:begin+1])
			text = text[begin+1:]
			continue
		}
		mark, inside := text[begin:begin+1], text[begin+1:end]
		if strings.Contains(inside, "://") || strings.Contains(inside, "user=") || strings.Contains(inside, "password=") {
			inside = "..."
		}
		b.WriteString(text[:begin] + mark + inside + mark)
		text = text[end+1:]
	}
}

// quotedEnd returns where the quotation that starts at begin ends; -1 if it does not.
func quotedEnd(text string, begin int) int {
	for i := begin + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[begin] == '"':
			i++
		case text[i] == text[begin]:
			return i
		}
	}
	return -1
}

// unlikeWords reports whether an error of a library hardly has this text by itself, as it has "postgres" and "5432".
func (s secret) unlikeWords() bool {
	return len(s.value) >= 16 || len(s.value) >= 5 && strings.Trim(s.value, letters) != ""
}
