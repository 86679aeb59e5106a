package core

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
)

// setting is a field of Config in words: ConfigFromEnv reads it, and Manager.Settings shows it.
type setting struct {
	field string // "Cookie.SameSite"
	env   string // after COATCHECK_; "" if only code can set the field
	// Django's name for it, "" if there is none, and how Django writes the value; nil: in our words.
	django  string
	setLike func(c *Config, text string) error
	set     func(c *Config, text string) error
	show    func(c *Config) string
}

// settings has every field of Config but the Store, in the order of Config.
var settings = []setting{
	ofText("Cookie.Name", "COOKIE_NAME", "SESSION_COOKIE_NAME", func(c *Config) *string { return &c.Cookie.Name }),
	ofText("Cookie.Domain", "COOKIE_DOMAIN", "SESSION_COOKIE_DOMAIN", func(c *Config) *string { return &c.Cookie.Domain }),
	ofText("Cookie.Path", "COOKIE_PATH", "SESSION_COOKIE_PATH", func(c *Config) *string { return &c.Cookie.Path }),
	{field: "Cookie.SameSite", env: "COOKIE_SAME_SITE", django: "SESSION_COOKIE_SAMESITE", set: setSameSite,
		show: func(c *Config) string { return sameSites[c.Cookie.SameSite] }},
	ofBool("Cookie.Insecure", "COOKIE_INSECURE", "", func(c *Config) *bool { return &c.Cookie.Insecure }).
		like("SESSION_COOKIE_SECURE", func(c *Config, text string) error {
			secure, err := parseBool(text)
			c.Cookie.Insecure = !secure
			return err
		}),
	ofBool("Cookie.Partitioned", "COOKIE_PARTITIONED", "", func(c *Config) *bool { return &c.Cookie.Partitioned }),
	ofText("Namespace", "NAMESPACE", "", func(c *Config) *string { return &c.Namespace }),
	{field: "Sources", env: "SOURCES", set: setSources, show: showSources},
	ofText("LoginURL", "LOGIN_URL", "LOGIN_URL", func(c *Config) *string { return &c.LoginURL }),
	ofTime("IdleTimeout", "IDLE_TIMEOUT", func(c *Config) *time.Duration { return &c.IdleTimeout }).
		like("SESSION_COOKIE_AGE", func(c *Config, text string) error {
			seconds, err := strconv.Atoi(text)
			if most := int(maxCookieAge / time.Second); err != nil || seconds < 1 || seconds > most {
				return give(text, "a whole number of seconds from 1 to %d (400 days); for a cookie that ends with the browser, "+
					"set SESSION_EXPIRE_AT_BROWSER_CLOSE=True", most)
			}
			c.IdleTimeout = time.Duration(seconds) * time.Second
			return nil
		}),
	ofTime("Lifetime", "LIFETIME", func(c *Config) *time.Duration { return &c.Lifetime }),
	ofInt("AAL", "AAL", 0, func(c *Config) *int { return &c.AAL }),
	ofTime("TouchInterval", "TOUCH_INTERVAL", func(c *Config) *time.Duration { return &c.TouchInterval }),
	ofBool("SaveEveryRequest", "SAVE_EVERY_REQUEST", "SESSION_SAVE_EVERY_REQUEST", func(c *Config) *bool { return &c.SaveEveryRequest }),
	ofBool("ExpireAtBrowserClose", "EXPIRE_AT_BROWSER_CLOSE", "SESSION_EXPIRE_AT_BROWSER_CLOSE", func(c *Config) *bool { return &c.ExpireAtBrowserClose }),
	{field: "Codec", show: func(c *Config) string { return c.Codec.Name() }},
	{field: "OtherCodecs", show: func(c *Config) string {
		var names []string
		for _, codec := range c.OtherCodecs {
			names = append(names, codec.Name())
		}
		return strings.Join(names, ", ")
	}},
	{field: "Keys", env: "KEYS", set: setKeys, show: showKeys},
	ofInt("MaxSize", "MAX_SIZE", 128, func(c *Config) *int { return &c.MaxSize }),
	ofTime("StoreTimeout", "STORE_TIMEOUT", func(c *Config) *time.Duration { return &c.StoreTimeout }),
	ofTime("SweepInterval", "SWEEP_INTERVAL", func(c *Config) *time.Duration { return &c.SweepInterval }),
	ofInt("MaxPerSubject", "MAX_PER_SUBJECT", 0, func(c *Config) *int { return &c.MaxPerSubject }),
	{field: "MaxPerSubjectFor", show: func(c *Config) string { return setOr(c.MaxPerSubjectFor != nil, "") }},
	{field: "WhenFull", env: "WHEN_FULL",
		set:  func(c *Config, text string) error { c.WhenFull = WhenFull(text); return nil },
		show: func(c *Config) string { return string(c.WhenFull) }},
	ofBool("RevokeOnReuse", "REVOKE_ON_REUSE", "", func(c *Config) *bool { return &c.RevokeOnReuse }),
	{field: "Adopt", show: func(c *Config) string { return setOr(c.Adopt != nil, "") }},
	{field: "Devices", env: "DEVICES", set: setDevices, show: func(c *Config) string { return setOr(c.Devices != nil, "nothing is kept") }},
	ofBits("Devices.IPv4Bits", "DEVICES_IPV4_BITS", func(d *Devices) *int { return &d.IPv4Bits }),
	ofBits("Devices.IPv6Bits", "DEVICES_IPV6_BITS", func(d *Devices) *int { return &d.IPv6Bits }),
	{field: "Devices.Label", show: func(c *Config) string { return setOr(c.Devices != nil && c.Devices.Label != nil, "") }},
	{field: "Logger", show: func(c *Config) string { return "set" }},
	{field: "Observer", show: func(c *Config) string { return setOr(c.Observer != nil, "") }},
	{field: "Now", show: func(c *Config) string { return setOr(c.ownClock, "") }},
}

func setOr(set bool, other string) string {
	if set {
		return "set"
	}
	return other
}

// like adds Django's name, and how Django writes the value.
func (s setting) like(django string, set func(c *Config, text string) error) setting {
	s.django, s.setLike = django, set
	return s
}

func ofText(field, env, django string, at func(*Config) *string) setting {
	return setting{field: field, env: env, django: django,
		set:  func(c *Config, text string) error { *at(c) = text; return nil },
		show: func(c *Config) string { return *at(c) }}
}

func ofBool(field, env, django string, at func(*Config) *bool) setting {
	return setting{field: field, env: env, django: django,
		set:  func(c *Config, text string) (err error) { *at(c), err = parseBool(text); return err },
		show: func(c *Config) string { return strconv.FormatBool(*at(c)) }}
}

func ofInt(field, env string, least int, at func(*Config) *int) setting {
	return setting{field: field, env: env,
		set: func(c *Config, text string) (err error) {
			if *at(c), err = strconv.Atoi(text); err != nil || *at(c) < least {
				return give(text, "a whole number, at least %d", least)
			}
			return nil
		},
		show: func(c *Config) string { return strconv.Itoa(*at(c)) }}
}

// ofTime takes no 0: that is a field that is not set, and the default is in force.
func ofTime(field, env string, at func(*Config) *time.Duration) setting {
	return setting{field: field, env: env,
		set: func(c *Config, text string) (err error) {
			if *at(c), err = time.ParseDuration(text); err != nil || *at(c) == 0 {
				return give(text, "a time with its unit, such as 336h, 10m or 2s, or leave it out for the default")
			}
			return nil
		},
		show: func(c *Config) string { return at(c).String() }}
}

// ofBits is a setting of Devices, which it turns on.
func ofBits(field, env string, at func(*Devices) *int) setting {
	return setting{field: field, env: env,
		set: func(c *Config, text string) (err error) {
			if c.Devices == nil && c.loaded != nil && c.loaded.from["Devices"] != "" {
				return errors.New("is set, but COATCHECK_DEVICES is false: leave one out")
			}
			if c.Devices == nil {
				c.Devices = &Devices{}
			}
			if *at(c.Devices), err = strconv.Atoi(text); err != nil || *at(c.Devices) == 0 {
				return give(text, "a number of bits, or -1 to keep no address")
			}
			return nil
		},
		show: func(c *Config) string {
			if c.Devices == nil {
				return ""
			}
			return strconv.Itoa(*at(c.Devices))
		}}
}

// give is the error for a value that cannot be read, and says what to write. The value is no secret.
func give(text, format string, args ...any) error {
	return fmt.Errorf("is %.80q: give "+format, append([]any{text}, args...)...)
}

func parseBool(text string) (bool, error) {
	b, err := strconv.ParseBool(text)
	if err != nil {
		return false, give(text, "true or false")
	}
	return b, nil
}

var sameSites = map[http.SameSite]string{http.SameSiteLaxMode: "Lax", http.SameSiteStrictMode: "Strict", http.SameSiteNoneMode: "None"}

func setSameSite(c *Config, text string) error {
	for mode, name := range sameSites {
		if strings.EqualFold(name, text) {
			c.Cookie.SameSite = mode
			return nil
		}
	}
	return give(text, "Lax, Strict or None")
}

// setSources reads "cookie, bearer, X-Session-Token".
func setSources(c *Config, text string) error {
	c.Sources = nil
	for name := range strings.SplitSeq(text, ",") {
		switch name = strings.TrimSpace(name); strings.ToLower(name) {
		case "cookie":
			c.Sources = append(c.Sources, FromCookie)
		case "bearer":
			c.Sources = append(c.Sources, FromBearer)
		default:
			c.Sources = append(c.Sources, Source(textproto.CanonicalMIMEHeaderKey(name))) // as it will be in force
		}
	}
	return nil
}

func showSources(c *Config) string {
	names := make([]string, len(c.Sources))
	for i, s := range c.Sources {
		switch names[i] = string(s); s {
		case FromCookie:
			names[i] = "cookie"
		case FromBearer:
			names[i] = "bearer"
		}
	}
	return strings.Join(names, ", ")
}

// setKeys takes the keys themselves, or a reference to them: env:NAME or file:PATH.
func setKeys(c *Config, text string) (err error) {
	if strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:") {
		if text, err = driver.ReadSecret(text); err != nil {
			return err
		}
	}
	if c.Keys, err = keyring.Parse(text); err != nil {
		return fmt.Errorf("has no keys as keyring.Parse reads them: %w", err)
	}
	return nil
}

// showKeys shows the ids: all servers need the same, and it matters which is the first.
func showKeys(c *Config) string {
	if c.Keys == nil {
		return "not encrypted"
	}
	ids := c.Keys.IDs()
	if len(ids) == 1 {
		return ids[0] + " seals and opens"
	}
	return ids[0] + " seals, " + strings.Join(ids[1:], ", ") + " open"
}

func setDevices(c *Config, text string) error {
	on, err := parseBool(text)
	if on && c.Devices == nil {
		c.Devices = &Devices{}
	} else if !on {
		c.Devices = nil
	}
	return err
}
