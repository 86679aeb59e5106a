package core

import (
	"encoding/json"
	"fmt"
	"io"
)

// printer makes the struct that embeds it print as of describes itself, and nothing of its fields. Its methods are
// on the value: templates follow a pointer and print what it points to, and a copy must be as silent as that. They
// would be hidden by methods of the same name on the struct's pointer.
type printer[T describer] struct {
	of T // of a struct that nobody has made ready: the zero T
}

type describer interface{ describe() string }

// String returns all that is ever printed, a short name. Templates ask for it.
func (p printer[T]) String() string { return p.of.describe() }

// Format writes what String returns, whatever the verb.
func (p printer[T]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.of.describe()) }

// MarshalJSON gives what String returns.
func (p printer[T]) MarshalJSON() ([]byte, error) { return json.Marshal(p.of.describe()) }

// exchangeName takes no room: an Exchange just fills a size class of Go's allocator.
type exchangeName struct{}

func (exchangeName) describe() string { return "coatcheck.Exchange" }
