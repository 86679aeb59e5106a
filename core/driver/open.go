package driver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/nearest"
)

// Opener opens the store of a URL. It reads the URL's options, calls [URL.Check], and returns a store that owns what it
// has opened: the store's Close closes it. If the storage does not answer, the error is ErrUnavailable.
type Opener func(ctx context.Context, u *URL) (Backend, error)

// Layer puts a store in front of another, for an option of any URL: cache=URL. It gets the option's value and reads its
// further options from u. Then it returns the function that Open calls when inner is open. After a nil error of that
// function, the store that it returns owns inner.
type Layer func(u *URL, value string) func(ctx context.Context, inner Store) (Store, error)

// registry has what the packages of stores have registered.
var registry struct {
	sync.RWMutex
	openers map[string]Opener
	layers  map[string]Layer
}

// Register makes Open use open for URLs of this scheme. A store's package calls it in its init function, so that
// a blank import is enough. It panics if the scheme is taken.
func Register(scheme string, open Opener) {
	registry.Lock()
	defer registry.Unlock()
	if registry.openers == nil {
		registry.openers = map[string]Opener{}
	}
	if registry.openers[scheme] != nil {
		panic("driver: Register: the scheme " + scheme + " is registered already")
	}
	registry.openers[scheme] = open
}

// RegisterLayer makes Open call layer for URLs that have this option. The options are "cache" and "from"; of a URL with
// both, from is the outer one. RegisterLayer panics for another option, and if the option is taken.
func RegisterLayer(option string, layer Layer) {
	registry.Lock()
	defer registry.Unlock()
	if registry.layers == nil {
		registry.layers = map[string]Layer{}
	}
	if !slices.Contains(layers, option) || registry.layers[option] != nil {
		panic("driver: RegisterLayer: " + option + " is not cache or from, or is registered already")
	}
	registry.layers[option] = layer
}

// layers are the options that put a store in front of another, the innermost first.
var layers = []string{"cache", "from"}

const module = "github.com/coatcheck-go/coatcheck/stores/"

// imports says what makes a scheme or an option known.
var imports = map[string]string{
	"memory":     `import _ "` + module + `memstore"`,
	"file":       `import _ "` + module + `filestore"`,
	"cookie":     `import _ "` + module + `cookiestore"`,
	"redis":      `import _ "` + module + `redisstore"`,
	"rediss":     `import _ "` + module + `redisstore"`,
	"memcache":   `import _ "` + module + `memcachestore"`,
	"postgres":   `call gormstore.Register(postgres.Open), with gorm.io/driver/postgres and ` + module + `gormstore`,
	"postgresql": `call gormstore.Register(postgres.Open), with gorm.io/driver/postgres and ` + module + `gormstore`,
	"mysql":      `call gormstore.Register(mysql.Open), with gorm.io/driver/mysql and ` + module + `gormstore`,
	"mariadb":    `call gormstore.Register(mysql.Open), with gorm.io/driver/mysql and ` + module + `gormstore`,
	"sqlite":     `call gormstore.Register(sqlite.Open), with a GORM driver for SQLite and ` + module + `gormstore`,
	"cache":      `import _ "` + module + `cachedstore"`,
	"from":       `import _ "` + module + `crossingstore"`,
}

// Schemes returns the schemes that are registered, sorted.
func Schemes() []string {
	registry.RLock()
	defer registry.RUnlock()
	var list []string
	for scheme := range registry.openers {
		list = append(list, scheme)
	}
	slices.Sort(list)
	return list
}

// Open opens the store of a URL, with what its options put in front of it, and asks it whether it answers ([Pinger]).
// It takes at most 30 seconds, or until ctx ends. The error is one line without passwords, and names the import that is
// missing. That of a storage that does not answer matches ErrUnavailable.
func Open(ctx context.Context, text string) (Backend, error) {
	u, err := ParseURL(text)
	if err != nil {
		return nil, fmt.Errorf("coatcheck: open the store %s: %w", RedactURL(text), err)
	}
	return u.Open(ctx)
}

// Open is the function Open for a URL that is taken apart already.
func (u *URL) Open(ctx context.Context) (Backend, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	store, err := u.open(ctx)
	if err != nil {
		return nil, &openError{text: u.clean(err), err: err}
	}
	return store, nil
}

func (u *URL) open(ctx context.Context) (store Backend, err error) {
	registry.RLock()
	opener, all := registry.openers[u.Scheme], maps.Clone(registry.layers)
	registry.RUnlock()
	if opener == nil {
		return nil, unregistered("scheme", u.Scheme)
	}
	var wrap []func(context.Context, Store) (Store, error)
	for _, name := range layers {
		value, ok := u.take(name)
		switch {
		case !ok:
		case all[name] == nil:
			return nil, unregistered("option", name)
		default:
			wrap = append(wrap, all[name](u, value))
		}
	}
	if store, err = opener(ctx, u); err != nil {
		return nil, err
	}
	for _, layer := range wrap {
		if err == nil {
			store, err = layered(ctx, store, layer)
		}
	}
	if pinger := AbilitiesOf(store).Pinger; err == nil && pinger != nil {
		err = pinger.Ping(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, Close(store))
	}
	return store, nil
}

// OpenOther opens the store of another URL, which an option of u holds. It makes what is missing only if u may. cache: see
// URL.Cache.
func (u *URL) OpenOther(ctx context.Context, text string, cache bool) (Store, error) {
	return openInner(ctx, text, u.Create, cache)
}

// OpenOld is OpenOther for a store that must be there: nothing is made.
func (u *URL) OpenOld(ctx context.Context, text string) (Store, error) {
	return openInner(ctx, text, false, false)
}

func openInner(ctx context.Context, text string, create, cache bool) (Store, error) {
	u, err := ParseURL(text)
	if err != nil {
		return nil, err
	}
	u.Create, u.Cache = u.Create && create, cache
	opened, err := u.Open(ctx)
	if err != nil {
		return nil, err
	}
	store, ok := opened.(Store)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s keeps no records on the server", opened.Info().Name), Close(opened))
	}
	return store, nil
}

// Close closes the store b if it can be closed.
func Close(b Backend) error {
	if closer := AbilitiesOf(b).Closer; closer != nil {
		return closer.Close()
	}
	return nil
}

// layered returns the store that layer puts in front of store; after an error, store itself.
func layered(ctx context.Context, store Backend, layer func(context.Context, Store) (Store, error)) (Backend, error) {
	inner, ok := store.(Store)
	if !ok {
		return store, fmt.Errorf("%s keeps no records on the server, so cache= and from= are of no use", store.Info().Name)
	}
	outer, err := layer(ctx, inner)
	if err != nil {
		return store, err
	}
	return outer, nil
}

// unregistered is the error for a scheme or an option that no package has registered.
func unregistered(what, name string) error {
	if how := imports[name]; how != "" {
		return fmt.Errorf("nothing is registered for the %s %s: %s", what, name, how)
	}
	known := Schemes()
	for scheme := range imports {
		if !slices.Contains(layers, scheme) {
			known = append(known, scheme)
		}
	}
	return fmt.Errorf("there is no %s %.40q; %s", what, name, nearest.Suggest(name, known))
}

// openError is the error of Open: one line without secrets. What it wraps may have more lines.
type openError struct {
	text string
	err  error
}

func (e *openError) Error() string { return e.text }
func (e *openError) Unwrap() error { return e.err }

// clean is the text of err after the URL, in one line, without the URL's secrets.
func (u *URL) clean(err error) string {
	return "coatcheck: open the store " + u.String() + ": " + strings.Join(strings.Fields(u.mask(err.Error())), " ")
}

// oneLine joins errors in one line.
func oneLine(errs []error) error {
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}
