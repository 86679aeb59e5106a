package core

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/textproto"
	"reflect"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
)

// Config is every setting of a Manager. The zero value of each field is its
// safe default; only Store must be set.
type Config struct {
	// Store keeps the sessions. It comes from OpenStore, from a package under stores/, or is your own: a driver.Store or a
	// driver.TokenStore, and not both. Django: SESSION_ENGINE. Required.
	Store driver.Backend

	// Cookie says how the cookie looks. Django: the SESSION_COOKIE_ settings.
	// Default: "__Host-session; Path=/; HttpOnly; Secure; SameSite=Lax".
	Cookie Cookie

	// Namespace separates managers that share a store: the sessions of one are unknown to the other, even when it
	// looks them up by user. Two managers with one Namespace share their sessions. If you change it, all sessions are
	// orphaned: neither their tokens nor RevokeSubject reach them. The same happens if you change the cookie's name
	// and Namespace is not set. At most 255 bytes. Default: Cookie.Name; if
	// FromCookie is not among the Sources, the name of the header in which the first of them is answered.
	Namespace string

	// Sources are the places where requests carry their token: FromCookie, FromBearer, and headers of your own. The
	// first one that holds a token decides, and the response answers in kind; the others are neither loaded nor ended.
	// If none holds a token, a new one goes to the first source of this list, or to the header of your own that the
	// client sent empty; for FromBearer that is Session-Token. Headers that browsers, proxies or servers use cannot be
	// your own. At most 8. SourceOf tells which source decided: docs/api-clients.md. Default: FromCookie only.
	Sources []Source

	// LoginURL is the page with the application's sign-in form, for RequireLogin and RequireFresh of the adapters:
	// "/sign-in", or an https URL. They send browsers there, with the way back in the query parameter "next": give that
	// to LocalPath. Django: LOGIN_URL. Default: "", then browsers get a 401 as well.
	LoginURL string

	// IdleTimeout is how long a session may stay unused before it expires. At least 1s, at most 400 days. Django:
	// SESSION_COOKIE_AGE. Default: 14 days, or the limit of AAL.
	IdleTimeout time.Duration

	// Lifetime is the absolute limit, counted from creation or the last Login, however often the session is used. At
	// least IdleTimeout, at most 400 days, after which browsers drop any cookie. Django has no such limit. Default:
	// 90 days, or IdleTimeout if that is longer; or the limit of AAL.
	Lifetime time.Duration

	// AAL holds sessions to the limits of an authenticator assurance level of NIST SP 800-63B-4: 1 (30 days at most), 2
	// (an hour without activity, a day in all) or 3 (15 minutes, 12 hours). Lifetime, and with 2 and 3 IdleTimeout,
	// default to these limits, and New and ExpireIn refuse longer ones. Sessions from before it was set end by them, too.
	// Default: 0, no level.
	AAL int

	// TouchInterval is the minimum time between two extensions of a session that is only read, in the store and in
	// the browser. Less than IdleTimeout. Django extends on writes only. Default: a twentieth of IdleTimeout.
	TouchInterval time.Duration

	// SaveEveryRequest extends a live session on every request, even if no handler used it. A response with a status
	// of 500 or more, or 408, does not extend it. Django: SESSION_SAVE_EVERY_REQUEST. Default: false.
	SaveEveryRequest bool

	// ExpireAtBrowserClose gives cookies no lifetime, so that browsers forget them
	// when they close. Django: SESSION_EXPIRE_AT_BROWSER_CLOSE. Default: false.
	ExpireAtBrowserClose bool

	// Codec turns the values of new sessions into bytes. A session keeps the codec that it began with, and a Login over it
	// keeps it, too. Django: SESSION_SERIALIZER. Default: JSON.
	Codec Codec

	// OtherCodecs are codecs of sessions that began with another Codec; JSON is always among them. To change Codec without
	// an outage, first add the new one here on every server. Then make it Codec, and add the old one here. At most 8, each
	// with a name of its own. Default: none.
	OtherCodecs []Codec

	// Keys encrypts the values in the store with AES-256-GCM, and binds them to their session. Users, times
	// and sizes stay in the clear. Records from before Keys was set are refused: their users sign in once more. A
	// cookie store has its own keys. It is what Django does with SECRET_KEY and SECRET_KEY_FALLBACKS, but those are no keys
	// for it: "coatcheck keys new" makes one. Default: nil, not encrypted.
	Keys *keyring.Keyring

	// MaxSize is the limit for a session's encoded values and their keys, in bytes. A larger session is not saved
	// (ErrTooLarge). At least 128. Default: 64 KiB.
	MaxSize int

	// StoreTimeout is the most time that loading, and then each save, may add to a request, give or take a quarter of
	// a second. After it the answer is 503. A page that only reads is served even if its use could not be recorded in
	// that time. Default: 2s.
	StoreTimeout time.Duration

	// SweepInterval is the time between two sweeps, which remove expired sessions from a store that does not forget
	// them by itself. It varies by a tenth. At least 1s. Negative: no sweeps; call Manager.Sweep. Django: the
	// clearsessions command. Default: 10 minutes.
	SweepInterval time.Duration

	// MaxPerSubject is how many sessions a user may have at once, the one that a sign-in begins included. Visitors who
	// have not signed in have no limit. The limit applies at each sign-in, so a lower one ends nothing by itself. Not
	// negative. Django has no such limit. Default: 0, no limit.
	MaxPerSubject int

	// MaxPerSubjectFor is MaxPerSubject for one user, and is asked instead of it: a trial account may have one session,
	// and a team ten. It is called while a sign-in is stored, so it must return soon and must not use the session of
	// ctx. 0 or less: no limit for this user. Default: nil.
	MaxPerSubjectFor func(ctx context.Context, subject string) int

	// WhenFull says what a sign-in does if the user has MaxPerSubject sessions already: EndOldest or RefuseNew. With
	// memstore, filestore, gormstore, redisstore and what is in front of them, the limit is exact, however many
	// sign-ins come at once. Other stores (memcachestore, redisstore on a Cluster without a hash tag) can only
	// EndOldest: core ends what is too many after the new session is stored. Default: EndOldest.
	WhenFull WhenFull

	// RevokeOnReuse ends a session when a request uses a token that RotateID replaced more than 30 seconds before.
	// Either somebody stole it, or its owner went on with an old copy (RFC 9700, section 4.14.2). After a release
	// that changed the cookie's Path or Domain, a browser's older cookie is such a copy: leave RevokeOnReuse off
	// until those have expired. Default: false; such a token then gives no access, and Observer is told.
	RevokeOnReuse bool

	// Adopt takes over a session of another system, which the request's cookies name. It is called for a request that
	// has cookies and no session of ours, when the session is first used. It is called again at each request until
	// our session is stored and its cookie is there, and at a Logout. Return a nil Adoption and a nil error if there is no
	// session to take over. An error that matches ErrEnded says that another request took it over a moment ago: this one
	// is anonymous, and its changes are ErrEnded, so that it does not replace the new cookie. Any other error answers the
	// request with 503. Default: nil.
	Adopt func(ctx context.Context, cookies []*http.Cookie) (*Adoption, error)

	// Devices keeps a label of the browser and the network of the client with each sign-in: Session.Device shows them in
	// the list of a user's devices. They are a part of the session's data, sealed with Keys. The zero Devices keeps the
	// start of the User-Agent header and 24 or 48 bits of the address. Default: nil, nothing is kept.
	Devices *Devices

	// Logger gets what an operator should see: outages, dropped changes, records that cannot be read. Never a token.
	// Default: slog.Default().
	Logger *slog.Logger

	// Observer is called on every load, save and life-cycle event, from the request's goroutine. It is called on
	// every sweep from the goroutine of the sweeper or of Sweep's caller, and on the loads of Session.Done from one of the
	// Manager's. It must be safe for concurrent use and
	// return soon. Its context has the request's values, except the session. A panic in it is logged, at most once in
	// ten seconds, and stops nothing. Default: nil.
	Observer func(context.Context, Event)

	// Now is the clock, for tests. Stores have their own clocks. Default: time.Now.
	Now func() time.Time

	ownClock bool    // Now was set
	loaded   *loaded // by ConfigFromEnv; nil: not from there
}

// assurance has the longest lifetimes of each level of NIST SP 800-63B-4. Level 1 sets no idle timeout; 14 days is
// only our default.
var assurance = [4]struct{ idle, life time.Duration }{
	1: {14 * day, 30 * day},
	2: {time.Hour, day},
	3: {15 * time.Minute, 12 * time.Hour},
}

const day = 24 * time.Hour

// defaults sets the fields that are zero, and refuses values that make no sense.
func (c *Config) defaults() error {
	if c.AAL < 0 || c.AAL >= len(assurance) {
		return wrongField("AAL", "is %d: 1, 2 or 3, or 0 for no level", c.AAL)
	}
	limit := assurance[c.AAL]
	setDefault(&c.IdleTimeout, limit.idle)
	setDefault(&c.Lifetime, limit.life)
	setDefault(&c.IdleTimeout, 14*day)
	setDefault(&c.Lifetime, max(90*day, c.IdleTimeout))
	setDefault(&c.TouchInterval, c.IdleTimeout/20)
	setDefault(&c.MaxSize, 64<<10)
	setDefault(&c.StoreTimeout, 2*time.Second)
	setDefault(&c.SweepInterval, 10*time.Minute)
	setDefault(&c.WhenFull, EndOldest)
	if c.Codec == nil {
		c.Codec = JSON{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.ownClock = c.Now != nil; !c.ownClock {
		c.Now = time.Now
	}
	if err := c.sources(); err != nil {
		return err
	}
	if err := c.parts(); err != nil {
		return err
	}
	switch {
	case c.IdleTimeout < time.Second:
		return wrongField("IdleTimeout", "is %v, at least 1s", c.IdleTimeout)
	case c.IdleTimeout > maxCookieAge:
		return wrongField("IdleTimeout", "is %v, at most 400 days: browsers keep no cookie longer", c.IdleTimeout)
	case c.Lifetime < c.IdleTimeout:
		return wrongField("Lifetime", "is %v, at least IdleTimeout (%v): else the session ends before it can be idle for so long", c.Lifetime, c.IdleTimeout)
	case c.AAL > 0 && c.Lifetime > limit.life:
		return wrongField("Lifetime", "is %v, at most %v with AAL %d", c.Lifetime, limit.life, c.AAL)
	case c.AAL > 1 && c.IdleTimeout > limit.idle:
		return wrongField("IdleTimeout", "is %v, at most %v with AAL %d", c.IdleTimeout, limit.idle, c.AAL)
	case c.Lifetime > maxCookieAge:
		return wrongField("Lifetime", "is %v, at most 400 days: browsers keep no cookie longer", c.Lifetime)
	case c.TouchInterval < 0 || c.TouchInterval >= c.IdleTimeout:
		return wrongField("TouchInterval", "is %v, must be positive and less than IdleTimeout (%v)", c.TouchInterval, c.IdleTimeout)
	case c.MaxSize < 128:
		return wrongField("MaxSize", "is %d bytes, at least 128", c.MaxSize)
	case c.StoreTimeout < time.Millisecond:
		return wrongField("StoreTimeout", "is %v, at least 1ms", c.StoreTimeout)
	case c.SweepInterval > 0 && c.SweepInterval < time.Second:
		return wrongField("SweepInterval", "is %v, at least 1s; negative: no sweeps, call Manager.Sweep yourself", c.SweepInterval)
	case c.MaxPerSubject < 0:
		return wrongField("MaxPerSubject", "is %d sessions: 1 or more, or 0 for no limit", c.MaxPerSubject)
	case c.WhenFull != EndOldest && c.WhenFull != RefuseNew:
		return wrongField("WhenFull", "is %.40q: core.EndOldest (%q) or core.RefuseNew (%q)", c.WhenFull, EndOldest, RefuseNew)
	case !validLoginURL(c.LoginURL):
		return wrongField("LoginURL", "%.80q must be a path such as /sign-in, or a URL with https:// or http://, of at most %d bytes", c.LoginURL, maxNext)
	}
	if err := c.Cookie.validate(); err != nil {
		return err
	}
	if c.Devices != nil {
		with, err := c.Devices.with()
		if err != nil {
			return err
		}
		c.Devices = &with
	}
	name := carriersOf(c.Sources)[0].answer
	if slices.Contains(c.Sources, FromCookie) {
		name = c.Cookie.Name
	}
	setDefault(&c.Namespace, name)
	if len(c.Namespace) > 255 {
		return wrongField("Namespace", "has %d bytes, at most 255", len(c.Namespace))
	}
	if c.Adopt != nil && !slices.Contains(c.Sources, FromCookie) {
		return wrongField("Adopt", "needs cookies: add FromCookie to Sources, or leave Adopt unset")
	}
	return nil
}

// More than anybody needs. Each source costs a look at every request's header.
const maxSources, maxCodecs = 8, 8

// sources brings the names of Sources into their canonical form, and refuses names that are not for us.
func (c *Config) sources() error {
	if len(c.Sources) == 0 {
		c.Sources = []Source{FromCookie}
		return nil
	}
	if len(c.Sources) > maxSources {
		return wrongField("Sources", "has %d places, at most %d", len(c.Sources), maxSources)
	}
	c.Sources = slices.Clone(c.Sources)
	for i, s := range c.Sources {
		name := textproto.CanonicalMIMEHeaderKey(string(s))
		if Source(name) != FromCookie && Source(name) != FromBearer && !validHeader(name) {
			return wrongField("Sources", "has %.40q: use FromCookie, FromBearer, or a header name of your own, such as X-Session-Token, that browsers, proxies and servers do not use", s)
		}
		if c.Sources[i] = Source(name); slices.Contains(c.Sources[:i], c.Sources[i]) {
			return wrongField("Sources", "has %.40q twice", name)
		}
	}
	return nil
}

// parts refuses a store, codec, keyring or logger that would panic in a request.
func (c *Config) parts() error {
	switch {
	case c.Store == nil:
		return wrongField("Store", "is not set: use a package under stores/, memstore to begin with, or COATCHECK_STORE and ConfigFromEnv")
	case isNil(c.Store):
		return wrongField("Store", "is a nil %T: make one with its package's New, and look at the error", c.Store)
	case c.Keys != nil && *c.Keys == keyring.Keyring{}:
		return wrongField("Keys", "has no key: make a keyring with keyring.New or keyring.Parse, or leave it nil for no encryption")
	case c.Logger.Handler() == nil:
		return wrongField("Logger", "has no handler: make it with slog.New, or leave it nil for slog.Default()")
	}
	return c.codecs()
}

func (c *Config) codecs() error {
	if len(c.OtherCodecs) > maxCodecs {
		return wrongField("OtherCodecs", "has %d codecs, at most %d", len(c.OtherCodecs), maxCodecs)
	}
	names := map[string]bool{}
	for i, codec := range append([]Codec{c.Codec}, c.OtherCodecs...) {
		field := "Codec"
		if i > 0 {
			field = fmt.Sprintf("OtherCodecs[%d]", i-1)
		}
		switch {
		case codec == nil || isNil(codec):
			return wrongField(field, "is a nil %T: leave it unset", codec)
		case len(codec.Name()) < 1 || len(codec.Name()) > 16:
			return wrongField(field, "is named %.20q, a name has 1 to 16 bytes", codec.Name())
		case codec.Name() == JSON{}.Name() && codec != (JSON{}):
			return wrongField(field, "is named %q like the default one; choose another name", JSON{}.Name())
		case names[codec.Name()]:
			return wrongField(field, "is named %q like another one: records say by the name which codec they need", codec.Name())
		}
		names[codec.Name()] = true
	}
	return nil
}

func wrongField(field, format string, args ...any) error {
	return fmt.Errorf("coatcheck: Config."+field+" "+format, args...)
}

func isNil(part any) bool {
	v := reflect.ValueOf(part)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
