package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/coatcheck-go/coatcheck/core"
)

// session is a session as it is printed. Its fields in JSON stay as they are, and are those of sessionadmin's page.
type session struct {
	ID       core.ID     `json:"id"`
	User     string      `json:"user"`
	Device   core.Device `json:"device,omitzero"`
	AuthTime time.Time   `json:"auth_time,omitzero"`
	Created  time.Time   `json:"created"`
	LastUsed time.Time   `json:"last_used,omitzero"`
	Expires  time.Time   `json:"expires"`
	Bytes    int         `json:"bytes"` // keys and encoded values
	Keys     int         `json:"keys"`

	KeyBytes map[string]int             `json:"key_bytes,omitempty"` // the size of the value under each key
	Values   map[string]json.RawMessage `json:"values,omitempty"`
}

func describe(s *core.Session) session {
	one := session{
		ID: s.ID(), User: s.Subject(), Device: s.Device(), AuthTime: s.AuthTime(),
		Created: s.Created(), LastUsed: s.LastUsed(), Expires: s.ExpiresAt(), KeyBytes: map[string]int{},
	}
	for key, value := range s.Values() {
		one.Keys++
		one.KeyBytes[key] = len(value)
		one.Bytes += len(key) + len(value)
	}
	return one
}

// print writes v as JSON with --json, and else by text.
func (a *app) print(v any, text func(w io.Writer)) error {
	if a.asJSON {
		return json.NewEncoder(a.out).Encode(v)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// sessions is a number of sessions in words.
func sessions[N int | int64](n N) string {
	if n == 1 {
		return "1 session"
	}
	return fmt.Sprintf("%d sessions", n)
}

// plain returns a text that may come from a client as one harmless line: without control characters, at most 60 letters.
func plain(text string) string {
	short := []rune(text)
	if len(short) > 60 {
		short = append(short[:59], '…')
	}
	text = string(short)
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// ago is a time as an operator reads it.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := now.Sub(t)
	switch {
	case d < 0:
		return "in " + span(-d)
	case d < time.Second:
		return "now"
	}
	return span(d) + " ago"
}

// span is a duration with one unit: 3d, 5h, 7m, 9s.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// size is a number of bytes as an operator reads it.
func size(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return plain(text)
}
