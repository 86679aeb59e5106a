package adopt

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Format says how a store of gorilla/sessions encodes its records.
type Format string

// The formats of records.
const (
	Gob    Format = "gob"    // redistore, and so gin-contrib's redis
	JSON   Format = "json"   // redistore with its JSONSerializer
	Signed Format = "signed" // signed as the cookie is, with gob inside: FilesystemStore, and gin-contrib's gorm, postgres and mongo
)

// Gorilla describes the sessions of gorilla/sessions, and of what is built upon it, such as gin-contrib/sessions. The
// values are in the cookie, unless Files or Find is set.
type Gorilla struct {
	// Cookie has the Name, Path, Domain, Secure and Partitioned of the old cookie. With gin-contrib/sessions, the name is
	// the one that Sessions was given. Name is required. Default of Path: "/".
	Cookie http.Cookie

	// KeyPairs are the keys that the old store was given, in the same order: a key for the MAC, one for the encryption or
	// nil, and further pairs of earlier keys. Required.
	KeyPairs [][]byte

	// MaxAge is how long after it was written an old cookie is taken, as for MaxAge of the old store. Its Options.MaxAge
	// is only the browser's limit. Default: 30 days, which is the limit of a store there whose method MaxAge, or
	// SetMaxAge, was not called.
	MaxAge time.Duration

	// Files is the folder of a FilesystemStore. Default: "", not used.
	Files string

	// Find returns the record with this ID from the old store, and Delete removes it. With redistore, the key in Redis is
	// "session_" and the ID. Find returns core.ErrNotFound, or no data, if there is no record or an expired one, and
	// any other error if it could not ask. Default: nil, not used.
	Find   func(ctx context.Context, id string) ([]byte, error)
	Delete func(ctx context.Context, id string) error

	// Format says how the records are encoded that Find returns. Default: Gob.
	Format Format

	// Read says which user the values belong to. It sets Subject, AuthTime and Values of the Adoption; what
	// it does not put into Values is left behind. If it returns nil and nil, the session is not taken over. Required.
	Read func(ctx context.Context, values map[any]any) (*core.Adoption, error)

	// TakenIn keeps which sessions were taken over, as hashes, until their deadlines: so two requests that come at once
	// take over one session, and nothing comes back after a Logout. It may be the store of core.Config, and must be one
	// that all servers share and that does not evict. Required.
	TakenIn driver.Store

	// MaxSize is how many bytes a cookie or a record may have. A longer cookie is nobody's; a longer record is an error.
	// Default: 64 KiB.
	MaxSize int

	// Logger gets one line if the first 20 values of the old cookie are all nobody's: a key, the cookie's name or the store
	// is another one then. It never gets a cookie or a value. Default: slog.Default().
	Logger *slog.Logger

	// Now is the clock, for tests. Default: time.Now.
	Now func() time.Time
}

// gorilla is a Gorilla that was checked.
type gorilla struct {
	Gorilla
	*signer
}

// NewGorilla checks the settings. Its error names the field that is wrong.
func NewGorilla(c Gorilla) (*Adopter, error) {
	g := &gorilla{Gorilla: c}
	if err := g.check(); err != nil {
		return nil, fmt.Errorf("adopt: Gorilla.%w", err)
	}
	gob.Register([]any{}) // as gorilla/sessions does: flash messages are of this type
	return newAdopter(g.Cookie, g.find, newTaken(g.TakenIn, g.Now), g.Logger), nil
}

// check sets the defaults, and refuses what cannot work.
func (g *gorilla) check() (err error) {
	if g.Cookie, err = cookieOf(g.Cookie); err != nil {
		return err
	}
	if g.MaxSize, err = sizeOf(g.MaxSize); err != nil {
		return err
	}
	if g.Now, err = clockOf(g.TakenIn, g.Now); err != nil {
		return err
	}
	if g.MaxAge < 0 {
		return wrong("MaxAge", "is %v: a positive duration, or 0 for 30 days", g.MaxAge)
	}
	if g.MaxAge == 0 {
		g.MaxAge = 30 * 24 * time.Hour
	}
	if g.signer, err = newSigner(g.KeyPairs, g.Cookie.Name, g.MaxAge, g.MaxSize, g.Now); err != nil {
		return err
	}
	if g.Read == nil {
		return wrong("Read", "is not set: only the application knows what its values mean")
	}
	return g.checkRecords()
}

// checkRecords decides where the values are.
func (g *gorilla) checkRecords() error {
	switch {
	case (g.Find == nil) != (g.Delete == nil):
		return wrong("Find", "and Delete belong together: set both, or none")
	case g.Files != "" && g.Find != nil:
		return wrong("Files", "and Find are both set: the values are in one place only")
	case g.Find == nil && g.Format != "":
		return wrong("Format", "is set, and Find is not: it is the format of what Find returns")
	case g.Files != "":
		if info, err := os.Stat(g.Files); err != nil {
			return wrong("Files", "cannot be used: %w", err)
		} else if !info.IsDir() {
			return wrong("Files", "is %s, which is not a folder", g.Files)
		}
		in := files{g.Files, g.MaxSize}
		g.Find, g.Delete, g.Format = in.find, in.remove, Signed
	}
	switch g.Format {
	case "":
		g.Format = Gob
	case Gob, JSON, Signed:
	default:
		return wrong("Format", "is %.20q: adopt.Gob, adopt.JSON or adopt.Signed", string(g.Format))
	}
	return nil
}

func (g *gorilla) find(ctx context.Context, value string) (*session, error) {
	if g.Find == nil {
		var values map[any]any
		cookie, ok, err := g.open(value, func(data []byte) error { return decodeGob(data, &values) })
		if !ok || err != nil {
			return nil, err
		}
		return &session{id: idOf("gorilla cookie", g.Cookie.Name, cookie.mark), until: cookie.until, read: g.reader(values)}, nil
	}
	var id string
	_, ok, err := g.open(value, func(data []byte) error { return decodeGob(data, &id) })
	if !ok || err != nil {
		return nil, err
	}
	values, err := g.record(ctx, id)
	if err != nil {
		return nil, err
	}
	return &session{
		id:   idOf("gorilla record", g.Cookie.Name, id),
		gone: values == nil,
		// The old application may have written a later cookie for this record.
		until:  g.Now().Add(g.MaxAge + time.Second),
		read:   g.reader(values),
		remove: func(ctx context.Context) error { return g.Delete(ctx, id) },
	}, nil
}

// record returns the values in a session's record; nil: there is none.
func (g *gorilla) record(ctx context.Context, id string) (values map[any]any, err error) {
	data, err := g.Find(ctx, id)
	switch {
	case errors.Is(err, core.ErrNotFound), err == nil && len(data) == 0:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("find: %w", err)
	case len(data) > g.MaxSize:
		return nil, tooLarge(len(data), g.MaxSize)
	case g.Format == JSON:
		return decodeJSON(data)
	case g.Format == Signed:
		_, _, err = g.open(string(data), func(data []byte) error { return decodeGob(data, &values) })
	default:
		err = decodeGob(data, &values)
	}
	return values, err
}

func (g *gorilla) reader(values map[any]any) func(context.Context) (*core.Adoption, error) {
	return func(ctx context.Context) (*core.Adoption, error) { return g.Read(ctx, values) }
}
