package core

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/internal/nearest"
)

// elsewhere says what there is in place of the settings of Django's that are no field of Config.
var elsewhere = map[string]string{
	"SESSION_ENGINE":          "the store is a URL in COATCHECK_STORE",
	"SESSION_FILE_PATH":       "the folder stands in COATCHECK_STORE=file:FOLDER",
	"SESSION_CACHE_ALIAS":     "the cache is a URL after cache= in COATCHECK_STORE",
	"SECRET_KEY":              `"coatcheck keys new k1" makes a key for COATCHECK_KEYS`,
	"SECRET_KEY_FALLBACKS":    "older keys stand after the first one in COATCHECK_KEYS",
	"SESSION_COOKIE_HTTPONLY": "the cookie is always HttpOnly",
	"SESSION_SERIALIZER":      "values are JSON, or set Config.Codec in code",
}

// notRead returns the names of the settings that are in the environment and nobody reads.
func notRead() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(elsewhere)) {
		agrees := name == "SESSION_COOKIE_HTTPONLY" || name == "SESSION_SERIALIZER" // or djangoOnly refuses it
		if value := getenv(name); value != "" && value != "None" && !agrees {
			names = append(names, name)
		}
	}
	return names
}

// djangoOnly refuses settings of Django's that ask for what we do not do.
func djangoOnly() (errs []error) {
	refuse := func(name string) { errs = append(errs, fmt.Errorf("%s: %s: leave it out", name, elsewhere[name])) }
	if text := getenv("SESSION_COOKIE_HTTPONLY"); text != "" {
		if on, err := parseBool(text); err != nil || !on {
			refuse("SESSION_COOKIE_HTTPONLY")
		}
	}
	if text := getenv("SESSION_SERIALIZER"); text != "" && text != "django.contrib.sessions.serializers.JSONSerializer" {
		refuse("SESSION_SERIALIZER")
	}
	switch engine := getenv("SESSION_ENGINE"); {
	case engine == "" || getenv(envPrefix+"STORE") != "":
	case strings.Contains(engine, ":"): // and perhaps a password
		errs = append(errs, errors.New("SESSION_ENGINE is a URL: give it to COATCHECK_STORE"))
	default:
		errs = append(errs, fmt.Errorf("SESSION_ENGINE is %.80q, a module of Django: set COATCHECK_STORE=%s", engine, storeLike(engine)))
	}
	return errs
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
		folder := strings.TrimPrefix(getenv("SESSION_FILE_PATH"), "None")
		return "file:" + cmp.Or(strings.NewReplacer("%", "%25", "?", "%3F").Replace(folder), "FOLDER")
	case "signed_cookies":
		return "cookie:?keys=env:SESSION_KEYS&revocations=file:./ended"
	}
	return "URL, see core.OpenStore"
}

// meant says what to write in place of COATCHECK_rest. Django's names come first: COOKIE_AGE is nearer to COOKIE_NAME than to
// IDLE_TIMEOUT.
func meant(rest string, known []string) string {
	for _, name := range []string{rest, "SESSION_" + rest} {
		if text := elsewhere[name]; text != "" {
			return ": " + text
		}
		for _, s := range settings {
			if s.django != "" && s.django == name {
				return "; did you mean " + envPrefix + s.env + " or " + name + "?"
			}
		}
	}
	return "; " + nearest.Suggest(envPrefix+rest, known)
}
