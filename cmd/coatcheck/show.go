package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core"
)

func (a *app) show() *cobra.Command {
	var values bool
	c := &cobra.Command{
		Use: "show ID", Short: "Show one session", Args: cobra.ExactArgs(1),
		Long: "show prints a session: its user, device, times, and its keys with their sizes. ID is the session's ID, or its first 8\n" +
			"digits and more, as a log has them; then the store must be able to list.",
		RunE: func(c *cobra.Command, args []string) error { return a.printSession(c.Context(), args[0], values) },
	}
	c.Flags().BoolVar(&values, "values", false, "print the values, too: they are personal data")
	return c
}

func (a *app) printSession(ctx context.Context, arg string, values bool) error {
	m, err := a.open(ctx)
	if err != nil {
		return err
	}
	id, err := a.resolve(ctx, m, arg)
	if err != nil {
		return err
	}
	s, err := m.Session(ctx, id)
	if err != nil {
		return err
	}
	one := describe(s)
	if values {
		one.Values = s.Export().Values
	}
	now, network := time.Now(), ""
	if one.Device.Network.IsValid() {
		network = one.Device.Network.String()
	}
	return a.print(one, func(w io.Writer) {
		fmt.Fprintf(w, "ID\t%s\nuser\t%s\ndevice\t%s\nnetwork\t%s\nsigned in\t%s %s\n", one.ID, orDash(one.User), orDash(one.Device.Label), orDash(network), when(one.AuthTime, now), by(one.Device.Method))
		fmt.Fprintf(w, "began\t%s\nlast used\t%s\nends\t%s\nsize\t%s\n", when(one.Created, now), when(one.LastUsed, now), when(one.Expires, now), size(int64(one.Bytes)))
		for _, key := range slices.Sorted(maps.Keys(one.KeyBytes)) {
			if values {
				fmt.Fprintf(w, "key %s\t%s\t%s\n", plain(key), size(int64(one.KeyBytes[key])), plainValue(one.Values[key]))
			} else {
				fmt.Fprintf(w, "key %s\t%s\n", plain(key), size(int64(one.KeyBytes[key])))
			}
		}
	})
}

func when(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339) + " (" + ago(t, now) + ")"
}

func by(method string) string {
	if method == "" {
		return ""
	}
	return "by " + plain(method)
}

// plainValue is a value whole, and in one line. What a terminal may take for a command is written as JSON escapes it.
func plainValue(value []byte) string {
	var b strings.Builder
	for _, r := range string(value) {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < ' ':
			b.WriteByte(' ')
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
	}
	return b.String()
}

// resolve returns the session's ID for what an operator wrote: the whole ID, or how it begins.
func (a *app) resolve(ctx context.Context, m *core.Manager, arg string) (core.ID, error) {
	if id, err := core.ParseID(arg); err == nil {
		return id, nil
	}
	arg = strings.TrimSuffix(strings.ToLower(arg), "…")
	if _, err := hex.DecodeString(arg[:len(arg)/2*2]); err != nil || len(arg) < 8 || len(arg) > 64 {
		return core.ID{}, usagef("that is no ID of a session: it has 64 hexadecimal digits, of which the first 8 are enough")
	}
	var found []core.ID
	for s, err := range m.All(ctx) {
		if errors.Is(err, core.ErrUnreadable) && len(found) == 1 {
			break // at the end: other sessions cannot be read, this one can
		}
		if err != nil {
			return core.ID{}, err
		}
		a.seen.Add(1)
		if strings.HasPrefix(s.ID().String(), arg) {
			found = append(found, s.ID())
		}
		if len(found) > 1 {
			return core.ID{}, usagef("several sessions begin with %s: write more digits", arg)
		}
	}
	if len(found) == 0 {
		return core.ID{}, fmt.Errorf("no live session in the namespace %q begins with %s: %w", m.Config().Namespace, arg, core.ErrNotFound)
	}
	return found[0], nil
}
