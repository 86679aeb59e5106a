package core

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
)

// Settings are what is in force in a Manager, in words, without secrets. Print them when the application starts: String
// is a table, and they are fit for JSON.
type Settings struct {
	// List has the Store, and then every field of Config in its order.
	List []Setting `json:"settings"`

	// Warnings say what would orphan sessions or make them unsafe, and which of Django's variables nobody reads. Each is a
	// sentence or two.
	Warnings []string `json:"warnings,omitempty"`
}

// Setting is one field of Config.
type Setting struct {
	Field string `json:"field"` // its name: "Cookie.Name"
	Value string `json:"value"` // what is in force; "set" for functions and secrets
	// From says who set it: an environment variable of ConfigFromEnv, "code", or "default".
	From string `json:"from"`
	Env  string `json:"env,omitempty"` // the variable that sets it, "" if only code does
	// Django is Django's name for it, "" if there is none.
	Django string `json:"django,omitempty"`
}

// Settings returns what is in force: the settings that New was given, and the defaults that it has filled in. It asks the
// store nothing.
func (m *Manager) Settings() Settings {
	all := Settings{Warnings: m.warnings(), List: []Setting{m.storeSetting()}}
	for _, s := range settings {
		one := Setting{Field: s.field, Value: s.show(&m.cfg), From: "code", Django: s.django}
		if s.env != "" {
			one.Env = envPrefix + s.env
		}
		if name := m.cfg.setBy(&s); name != "" {
			one.From = name
		} else if zeroField(&m.given, s.field) {
			one.From = "default"
		}
		all.List = append(all.List, one)
	}
	return all
}

func (m *Manager) storeSetting() Setting {
	s := Setting{Field: "Store", Value: m.info.Name, From: "code", Env: envPrefix + "STORE", Django: "SESSION_ENGINE"}
	if from := m.cfg.loaded; from != nil && from.store != nil && reflect.ValueOf(from.store).Comparable() && from.store == m.cfg.Store {
		s.Value, s.From = m.info.Name+" at "+from.url, from.from["Store"]
	}
	return s
}

// zeroField reports whether a field of cfg, "Cookie.Name", is zero.
func zeroField(cfg *Config, field string) bool {
	v := reflect.ValueOf(cfg).Elem()
	for name := range strings.SplitSeq(field, ".") {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return true
			}
			v = v.Elem()
		}
		v = v.FieldByName(name)
	}
	return v.IsZero()
}

// warnings says what is in force that may surprise an operator.
func (m *Manager) warnings() (list []string) {
	cfg := &m.cfg
	warn := func(is bool, format string, args ...any) {
		if is {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	named := slices.Contains(cfg.Sources, FromCookie) && m.given.Namespace == ""
	warn(named, "Namespace is not set, so it is the cookie's name, %q. With another Cookie.Name, Cookie.Domain, Cookie.Path or "+
		"Cookie.Insecure the name may change, and that orphans all sessions. Set Namespace to this name to prevent it.", cfg.Namespace)
	warn(!slices.Contains(cfg.Sources, FromCookie) && m.given.Namespace == "", "Namespace is not set, so it is the name of the header %q. "+
		"With other Sources the name may change, to the cookie's if FromCookie is among them, and that orphans all sessions. Set "+
		"Namespace to this name to prevent it.", cfg.Namespace)
	warn(m.store != nil && m.info.Local, "The sessions are in this process: they end with it, and other processes do not know them.")
	warn(m.tokens != nil && m.info.NoRevocation, "The store keeps no revocations: a copy of a cookie is good until its deadline, even after a sign-out.")
	warn(m.tokens != nil && !m.info.NoRevocation && m.info.Local, "Revocations are in this process: other processes, and this one after a restart, accept what it has revoked.")
	warn(m.store != nil && !m.info.Local && cfg.Keys == nil, "Keys is not set: whoever can write to the store can sign in as anybody, and whoever can read it can read the values.")
	warn(cfg.Cookie.Insecure, "Cookie.Insecure is set: on plain http, whoever is on the network can take over sessions.")
	warn(!cfg.Cookie.Insecure && !hasPrefixFold(cfg.Cookie.Name, "__") && slices.Contains(cfg.Sources, FromCookie), "Cookie.Name is %q, without a "+
		"prefix: a sibling domain, or a page on plain http, can set a cookie of that name. Let it begin with __Host- or __Secure-.", cfg.Cookie.Name)
	warn(cfg.Cookie.Domain != "", "Cookie.Domain is set: everything that runs under %s gets the cookie.", cfg.Cookie.Domain)
	warn(cfg.SweepInterval < 0 && m.can.Sweeper != nil, "SweepInterval is negative: nothing removes expired sessions unless you call Manager.Sweep.")
	if cfg.loaded != nil {
		for _, name := range cfg.loaded.other {
			key := strings.HasPrefix(name, "SECRET_KEY") // other programs have one, too
			warn(!key || m.store != nil && cfg.Keys == nil, "%s is not read: %s.", name, elsewhere[name])
		}
	}
	return list
}

// String is a table of the settings that are not empty, and the warnings.
func (s Settings) String() string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, one := range s.List {
		if one.Value != "" {
			fmt.Fprintf(table, "%s\t%s\t%s\n", one.Field, one.Value, one.From)
		}
	}
	_ = table.Flush() // a strings.Builder takes everything
	for _, text := range s.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", text)
	}
	return b.String()
}

// LogValue is what log/slog shows of them: a group with a value for each field that is not empty.
func (s Settings) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, one := range s.List {
		if one.Value != "" {
			attrs = append(attrs, slog.String(one.Field, one.Value))
		}
	}
	if len(s.Warnings) > 0 {
		attrs = append(attrs, slog.Any("warnings", s.Warnings))
	}
	return slog.GroupValue(attrs...)
}
