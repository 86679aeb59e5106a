package core

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// What is printed of a Session, a Manager and an Exchange: a short name, and never a token or a value.

// printer makes the struct that embeds it print what of.describe returns, and nothing of its fields. Its methods are
// on the value: templates follow a pointer and print what it points to, and a copy must be as silent as that. Methods
// of the same name on the struct's pointer would hide them.
type printer[T describer] struct {
	of T // the zero T in a struct that was not made by its constructor
}

type describer interface{ describe() string }

// String returns all that is ever printed, a short name. Templates ask for it.
func (p printer[T]) String() string { return p.of.describe() }

// Format writes what String returns, for every verb.
func (p printer[T]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.of.describe()) }

// MarshalJSON gives what String returns.
func (p printer[T]) MarshalJSON() ([]byte, error) { return json.Marshal(p.of.describe()) }

// exchangeName takes no room: an Exchange just fills a size class of Go's allocator.
type exchangeName struct{}

func (exchangeName) describe() string { return "coatcheck.Exchange" }

// LogValue is what log/slog shows of a session.
func (s *Session) LogValue() slog.Value {
	if s == nil {
		return slog.StringValue("session(nil)")
	}
	return slog.StringValue(s.describe())
}

// String is what fmt and templates show of a session, by value or by pointer: its ID in short, and nothing else.
func (l *link) String() string { return l.describe() }

// Format writes what String returns, for every verb.
func (l *link) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, l.describe()) }

// MarshalJSON gives what String returns.
func (l *link) MarshalJSON() ([]byte, error) { return []byte(`"` + l.describe() + `"`), nil }

func (l *link) describe() string {
	if l == nil {
		return "session(nil)"
	}
	h := l.hidden
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.live {
		return "session(new)"
	}
	return "session(" + h.rec.ID.String()[:16] + ")"
}
