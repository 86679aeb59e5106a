package driver

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/nearest"
)

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
