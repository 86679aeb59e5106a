package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/glebarez/sqlite"
	"github.com/spf13/cobra"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	_ "github.com/coatcheck-go/coatcheck/stores/cachedstore" // the schemes of COATCHECK_STORE
	_ "github.com/coatcheck-go/coatcheck/stores/cookiestore"
	_ "github.com/coatcheck-go/coatcheck/stores/crossingstore"
	_ "github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
	_ "github.com/coatcheck-go/coatcheck/stores/memcachestore"
	_ "github.com/coatcheck-go/coatcheck/stores/memstore"
	_ "github.com/coatcheck-go/coatcheck/stores/redisstore"
)

func init() {
	gormstore.Register(postgres.Open)
	gormstore.Register(mysql.Open)
	gormstore.Register(sqlite.Open)
}

// app is one run of the command.
type app struct {
	in       io.Reader
	out, err io.Writer

	// flags of all commands
	store   string
	asJSON  bool
	verbose bool

	m      *core.Manager
	unread atomic.Int64 // records that could not be read
	seen   atomic.Int64 // sessions that the command has dealt with, for the line after Ctrl-C
}

const about = `coatcheck lists, ends and checks the sessions of an application.

It takes the application's settings from the environment: COATCHECK_STORE and all other COATCHECK_ variables, and Django's
names for them. What the application sets in code, set in the environment, too: above all COATCHECK_NAMESPACE,
COATCHECK_COOKIE_NAME, COATCHECK_LIFETIME and COATCHECK_KEYS. A command makes no table and no folder; only move does.
Values of sessions are shown with --values only, and tokens and keys never.`

const codes = `
Exit codes:
  0    it is done
  1    it failed, or a setting is wrong
  2    the arguments are wrong
  3    there is no such session, or the user has none
  4    this store cannot do that (memcached and cookies cannot list)
  5    the store does not answer
  6    problems were found: records that cannot be read, a list that may not be whole
  130  interrupted; what is on stderr says how far it was
`

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use: "coatcheck", Short: "Sessions of an application, from a terminal", Long: about, SuggestionsMinimumDistance: 2,
		Version: version(), SilenceUsage: true, SilenceErrors: true, Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return noCommand(c, args[0])
		},
	}
	root.SetHelpCommand(&cobra.Command{
		Use: "help [COMMAND]", Short: "Help about a command",
		RunE: func(_ *cobra.Command, args []string) error { // cobra's own takes any word, and exits with 0
			c, rest, err := root.Find(args)
			if err != nil || c == root && len(rest) > 0 {
				return noCommand(root, args[0])
			}
			return c.Help()
		},
	})
	root.SetHelpTemplate(root.HelpTemplate() + codes)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&a.store, "store", "", "URL of the store, in place of COATCHECK_STORE (without a password: other users see arguments)")
	flags.BoolVar(&a.asJSON, "json", false, "print JSON: an object, or an object in each line")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "log to stderr what the library logs")
	root.AddCommand(a.list(), a.show(), a.revoke(), a.revokeUser(), a.revokeAll(), a.sweep(), a.stats(), a.top(), a.verify(), a.keys(), a.doctor(), a.watch(), a.move())
	for _, c := range root.Commands() {
		wrapArgs(c)
	}
	return root
}

func noCommand(root *cobra.Command, name string) error {
	if near := root.SuggestionsFor(name); len(near) > 0 {
		return usagef("there is no command %q; did you mean %s?", name, near[0])
	}
	return usagef("there is no command %q", name)
}

// version is that of the module, or "(devel)".
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// wrapArgs makes an error about the number of arguments an error of usage.
func wrapArgs(c *cobra.Command) {
	check := c.Args
	if check == nil {
		check = cobra.NoArgs
	}
	if c.ValidArgsFunction == nil {
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{err}
		}
		return nil
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// config reads the environment and opens the store, which must be there: nothing is made.
func (a *app) config(ctx context.Context) (core.Config, error) {
	url := a.store
	if url == "" {
		url = strings.TrimSpace(os.Getenv("COATCHECK_STORE"))
	}
	if url == "" {
		if _, err := core.ConfigFromEnv(ctx); err != nil { // it says what to write in place of SESSION_ENGINE
			return core.Config{}, err
		}
		return core.Config{}, usagef("COATCHECK_STORE is not set: set it to the URL of the application's store, such as redis://localhost:6379/0, or use --store")
	}
	if err := os.Setenv("COATCHECK_STORE", existing(url)); err != nil {
		return core.Config{}, err
	}
	cfg, err := core.ConfigFromEnv(ctx)
	if err != nil {
		return cfg, err
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	if a.verbose {
		cfg.Logger = slog.New(slog.NewTextHandler(a.err, nil))
	}
	cfg.Observer = func(_ context.Context, e core.Event) {
		if e.Kind == core.EventCorrupt || e.Kind == core.EventUnreadable {
			a.unread.Add(1)
		}
	}
	return cfg, nil
}

// asGiven takes out what existing has put into a URL.
var asGiven = strings.NewReplacer("?create=false", "", "&create=false", "")

// existing is the URL with create=false, whatever it says itself.
func existing(url string) string {
	rest, query, _ := strings.Cut(strings.TrimSpace(url), "?")
	options := slices.DeleteFunc(strings.Split(query, "&"), func(o string) bool {
		name, _, _ := strings.Cut(o, "=")
		return o == "" || name == "create"
	})
	return rest + "?" + strings.Join(append(options, "create=false"), "&")
}

// open makes the Manager. Nothing is swept in the background.
func (a *app) open(ctx context.Context) (*core.Manager, error) {
	cfg, err := a.config(ctx)
	if err != nil {
		return nil, err
	}
	cfg.SweepInterval = -1
	if a.m, err = core.New(cfg); err != nil {
		_ = driver.Close(cfg.Store) // the other error counts
		return nil, err
	}
	return a.m, nil
}

func (a *app) close() error {
	if a.m == nil {
		return nil
	}
	return a.m.Close()
}

// progress says how far a command was.
func (a *app) progress() string {
	if n := a.seen.Load(); n > 0 {
		return " after " + sessions(n)
	}
	return ""
}

// noneHere says what else may be the reason that there are no sessions: those of another namespace are not seen.
func (a *app) noneHere(m *core.Manager) {
	if m.Info().Local {
		fmt.Fprintf(a.err, "coatcheck: %s is inside each process, and this one has no sessions: use the application's operators' page\n", m.Info().Name)
		return
	}
	fmt.Fprintf(a.err, "coatcheck: there are no such sessions in the namespace %q (COATCHECK_NAMESPACE, or else the cookie's name)\n", m.Config().Namespace)
}

// sessions walks through the sessions of a user, or of all with "". If some cannot be read, it yields all others, and
// notRead says so afterwards.
func (a *app) sessions(ctx context.Context, m *core.Manager, user string) iter.Seq2[*core.Session, error] {
	all := m.All(ctx)
	if user != "" {
		all = m.Sessions(ctx, user)
	}
	return func(yield func(*core.Session, error) bool) {
		for s, err := range all {
			if errors.Is(err, core.ErrUnreadable) && !errors.Is(err, core.ErrUnavailable) {
				a.unread.CompareAndSwap(0, 1)
				return
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// notRead warns of records that were passed over.
func (a *app) notRead() error {
	if n := a.unread.Load(); n > 0 {
		fmt.Fprintf(a.err, "coatcheck: %d records cannot be read here: coatcheck verify says which. Does COATCHECK_KEYS have the application's keys? Records from before it had any count, too.\n", n)
		return errProblems
	}
	return nil
}
