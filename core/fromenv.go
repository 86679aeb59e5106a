package core

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

const envPrefix = "COATCHECK_"

// loaded is what ConfigFromEnv remembers for Manager.Settings.
type loaded struct {
	from  map[string]string // field to the variable that set it
	value map[string]string // field to the value that it set, as Settings shows it
	store driver.Backend    // nil: none was opened
	url   string            // of store, without its password
	other []string          // Django's variables that nobody reads
}

// ConfigFromEnv reads a Config from the environment, and opens its Store. An application sets in code what is left, such as
// Logger and Observer, and calls New. A variable that is not there, or is empty, leaves its field at zero. Blanks at both
// ends of a value do not count.
//
// COATCHECK_STORE is the URL of the store: see OpenStore. The other variables are the names of the fields: COATCHECK_IDLE_TIMEOUT=336h
// is Config.IdleTimeout, COATCHECK_COOKIE_NAME is Config.Cookie.Name. Values are written as Go does: times with their
// unit, true and false; COATCHECK_COOKIE_SAME_SITE=Strict; COATCHECK_SOURCES=cookie,bearer; COATCHECK_DEVICES=true for the
// zero Devices; COATCHECK_KEYS has keys as keyring.Parse reads them, or env:NAME, or file:PATH. What needs code has no
// variable: Codec, OtherCodecs, MaxPerSubjectFor, Adopt, Devices.Label, Logger, Observer, Now.
//
// Django's names work as well, with Django's values: SESSION_COOKIE_AGE in seconds, SESSION_COOKIE_NAME, _DOMAIN, _PATH,
// _SAMESITE and _SECURE, SESSION_SAVE_EVERY_REQUEST, SESSION_EXPIRE_AT_BROWSER_CLOSE, LOGIN_URL. What Django's SESSION_ENGINE,
// SESSION_FILE_PATH, SESSION_CACHE_ALIAS and SECRET_KEY say stands elsewhere here: Settings.Warnings has those that are set.
//
// A COATCHECK_ variable that it does not know is an error that names the nearest one. Kubernetes makes such variables in the
// pods beside a service that is named coatcheck: set enableServiceLinks: false there. So is a field that two variables set
// differently, and a value that cannot be read. These errors come at once, in one line, and show no secret. What the values
// mean together, New checks, since the code may still change them; its errors name the variables, too.
func ConfigFromEnv(ctx context.Context) (Config, error) {
	cfg := Config{loaded: &loaded{from: map[string]string{}, value: map[string]string{}, other: notRead()}}
	errs := unknownVariables()
	for _, s := range settings {
		errs = append(errs, cfg.fromEnv(&s))
	}
	errs = append(errs, djangoOnly()...)
	var texts []string
	for _, err := range errs {
		if err != nil {
			texts = append(texts, err.Error())
		}
	}
	if len(texts) > 0 {
		return Config{}, errors.New("coatcheck: " + strings.Join(texts, "; "))
	}
	url := getenv(envPrefix + "STORE")
	if url == "" {
		return cfg, nil
	}
	store, err := OpenStore(ctx, url)
	if err != nil {
		return Config{}, fmt.Errorf("%w (from COATCHECK_STORE)", err)
	}
	cfg.Store, cfg.loaded.store, cfg.loaded.url = store, store, driver.RedactURL(url)
	cfg.loaded.from["Store"] = envPrefix + "STORE"
	return cfg, nil
}

func getenv(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// fromEnv sets one field, from our variable or Django's.
func (c *Config) fromEnv(s *setting) error {
	ours, theirs := "", getenv(s.django)
	if s.env != "" {
		ours = getenv(envPrefix + s.env)
	}
	if s.django == "SESSION_COOKIE_DOMAIN" && theirs == "None" { // Django's word for "not set", but a value of SAMESITE
		theirs = ""
	}
	like := s.setLike
	if like == nil {
		like = s.set
	}
	var other Config
	if theirs != "" {
		if err := like(&other, theirs); err != nil {
			return fmt.Errorf("%s %w", s.django, err)
		}
	}
	switch {
	case ours != "":
		if err := s.set(c, ours); err != nil {
			return fmt.Errorf("%s%s %w", envPrefix, s.env, err)
		}
		if theirs != "" && s.show(c) != s.show(&other) {
			return fmt.Errorf("%s%s and %s differ: leave one out", envPrefix, s.env, s.django)
		}
		c.loaded.from[s.field] = envPrefix + s.env
	case theirs != "":
		if err := like(c, theirs); err != nil {
			return fmt.Errorf("%s %w", s.django, err)
		}
		c.loaded.from[s.field] = s.django
	default:
		return nil
	}
	c.loaded.value[s.field] = s.show(c)
	return nil
}

// setBy returns the variable that set a field; "" if there is none, or if the code has changed the field since.
func (c *Config) setBy(s *setting) string {
	if c.loaded == nil || c.loaded.from[s.field] == "" || c.loaded.value[s.field] != s.show(c) {
		return ""
	}
	return c.loaded.from[s.field]
}

// naming adds to an error of New the variables that set the fields which it names.
func (c *Config) naming(err error) error {
	var from []string
	for word := range strings.FieldsFuncSeq(err.Error(), func(r rune) bool { return strings.ContainsRune(" :,()", r) }) {
		for i := range settings {
			name := c.setBy(&settings[i])
			if field := settings[i].field; name != "" && (word == field || word == "Config."+field) && !slices.Contains(from, name) {
				from = append(from, name)
			}
		}
	}
	if len(from) == 0 {
		return err
	}
	return fmt.Errorf("%w (from %s)", err, strings.Join(from, " and "))
}

// unknownVariables returns an error for each COATCHECK_ variable that is no setting.
func unknownVariables() (errs []error) {
	known := []string{envPrefix + "STORE"}
	code := map[string]string{} // "DEVICESLABEL" to "Devices.Label"
	for _, s := range settings {
		if s.env != "" {
			known = append(known, envPrefix+s.env)
		} else {
			code[strings.ToUpper(strings.ReplaceAll(s.field, ".", ""))] = s.field
		}
	}
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours || strings.TrimSpace(value) == "" || slices.Contains(known, name) {
			continue
		}
		if field := code[strings.ReplaceAll(rest, "_", "")]; field != "" {
			errs = append(errs, fmt.Errorf("%s: Config.%s is set in code only", name, field))
		} else {
			errs = append(errs, fmt.Errorf("%.60s is no setting%s", name, meant(rest, known)))
		}
	}
	return errs
}
