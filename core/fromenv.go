package core

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/nearest"
)

const envPrefix = "COATCHECK_"

// loaded is what ConfigFromEnv remembers for Manager.Settings.
type loaded struct {
	from  map[string]string // field to the variable that set it
	value map[string]string // field to the value that it set, as Settings shows it
	store driver.Backend    // nil: none was opened
	url   string            // of store, without its password
}

// ConfigFromEnv reads a Config from the environment, and opens its Store. An application sets in code what is left, such as
// Logger and Observer, and calls New. A variable that is not there, or is empty, leaves its field at zero.
//
// COATCHECK_STORE is the URL of the store: see OpenStore. The other variables are the names of the fields: COATCHECK_IDLE_TIMEOUT=336h
// is Config.IdleTimeout, COATCHECK_COOKIE_NAME is Config.Cookie.Name. Values are written as Go does: times with their
// unit, true and false; COATCHECK_COOKIE_SAME_SITE=Strict; COATCHECK_SOURCES=cookie,bearer; COATCHECK_DEVICES=true for the
// zero Devices; COATCHECK_KEYS has keys as keyring.Parse reads them, or env:NAME, or file:PATH. What needs code has no
// variable: Codec, OtherCodecs, MaxPerSubjectFor, Adopt, Devices.Label, Logger, Observer, Now.
//
// Django's names work as well, with Django's values: SESSION_COOKIE_AGE in seconds, SESSION_COOKIE_NAME, _DOMAIN, _PATH,
// _SAMESITE and _SECURE, SESSION_SAVE_EVERY_REQUEST, SESSION_EXPIRE_AT_BROWSER_CLOSE, LOGIN_URL.
//
// A COATCHECK_ variable that it does not know is an error that names the nearest one. Kubernetes makes such variables in the
// pods beside a service that is named coatcheck: set enableServiceLinks: false there. So is a field that two variables set
// differently. All errors come at once, in one line, and show no secret.
func ConfigFromEnv(ctx context.Context) (Config, error) {
	cfg := Config{loaded: &loaded{from: map[string]string{}, value: map[string]string{}}}
	errs := unknownVariables()
	for _, s := range settings {
		errs = append(errs, cfg.fromEnv(&s))
	}
	errs = append(errs, djangoOnly())
	url := os.Getenv(envPrefix + "STORE")
	if engine := os.Getenv("SESSION_ENGINE"); url == "" && engine != "" {
		errs = append(errs, fmt.Errorf("SESSION_ENGINE names a module of Django: set COATCHECK_STORE=%s", storeLike(engine)))
	}
	var texts []string
	for _, err := range errs {
		if err != nil {
			texts = append(texts, err.Error())
		}
	}
	if len(texts) > 0 {
		return Config{}, errors.New("coatcheck: " + strings.Join(texts, "; "))
	}
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

// fromEnv sets one field, from our variable or Django's.
func (c *Config) fromEnv(s *setting) error {
	ours, theirs := "", os.Getenv(s.django)
	if s.env != "" {
		ours = os.Getenv(envPrefix + s.env)
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
		if !ours || value == "" || slices.Contains(known, name) {
			continue
		}
		if field := code[strings.ReplaceAll(rest, "_", "")]; field != "" {
			errs = append(errs, fmt.Errorf("%s: Config.%s is set in code only", name, field))
		} else {
			errs = append(errs, fmt.Errorf("%.60s is no setting; %s", name, nearest.Suggest(name, known)))
		}
	}
	return errs
}

// djangoOnly refuses settings of Django's that ask for what we do not do.
func djangoOnly() error {
	if text := os.Getenv("SESSION_COOKIE_HTTPONLY"); text != "" {
		if on, err := parseBool(text); err != nil || !on {
			return errors.New("SESSION_COOKIE_HTTPONLY: our cookies are always HttpOnly: leave it out")
		}
	}
	if text := os.Getenv("SESSION_SERIALIZER"); text != "" && text != "django.contrib.sessions.serializers.JSONSerializer" {
		return errors.New("SESSION_SERIALIZER names a class of Django: values are JSON here, or set Config.Codec in code")
	}
	return nil
}

// storeLike is the URL of a store like an engine of Django's.
func storeLike(engine string) string {
	switch engine[strings.LastIndex(engine, ".")+1:] {
	case "db":
		return "postgres://USER:PASSWORD@HOST/NAME, mysql://... or sqlite:FILE"
	case "cache":
		return "redis://HOST:6379/0 or memcache://HOST:11211"
	case "cached_db":
		return "postgres://USER:PASSWORD@HOST/NAME?cache=redis://HOST:6379/0"
	case "file":
		return "file:FOLDER"
	case "signed_cookies":
		return "cookie:?keys=env:SESSION_KEYS"
	}
	return "URL, see core.OpenStore"
}
