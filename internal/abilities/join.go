// Package abilities puts together stores of which only some have an optional
// ability: a wrapper must have those of the store inside, and no others.
package abilities

import (
	"io"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Base is what every such store has.
type Base interface {
	driver.Store
	driver.Pinger
	io.Closer
}

// Join returns a store with the methods of s and those of the abilities that
// are not nil. Go fixes a value's methods at compile time, hence a case for
// each combination.
func Join(s Base, r driver.Rotator, w driver.Sweeper, l driver.Lister, x driver.Indexer) driver.Store {
	type has struct{ r, w, l, x bool }
	switch (has{r != nil, w != nil, l != nil, x != nil}) {
	case has{r: true}:
		return struct {
			Base
			driver.Rotator
		}{s, r}
	case has{w: true}:
		return struct {
			Base
			driver.Sweeper
		}{s, w}
	case has{r: true, w: true}:
		return struct {
			Base
			driver.Rotator
			driver.Sweeper
		}{s, r, w}
	case has{l: true}:
		return struct {
			Base
			driver.Lister
		}{s, l}
	case has{r: true, l: true}:
		return struct {
			Base
			driver.Rotator
			driver.Lister
		}{s, r, l}
	case has{w: true, l: true}:
		return struct {
			Base
			driver.Sweeper
			driver.Lister
		}{s, w, l}
	case has{r: true, w: true, l: true}:
		return struct {
			Base
			driver.Rotator
			driver.Sweeper
			driver.Lister
		}{s, r, w, l}
	case has{x: true}:
		return struct {
			Base
			driver.Indexer
		}{s, x}
	case has{r: true, x: true}:
		return struct {
			Base
			driver.Rotator
			driver.Indexer
		}{s, r, x}
	case has{w: true, x: true}:
		return struct {
			Base
			driver.Sweeper
			driver.Indexer
		}{s, w, x}
	case has{r: true, w: true, x: true}:
		return struct {
			Base
			driver.Rotator
			driver.Sweeper
			driver.Indexer
		}{s, r, w, x}
	case has{l: true, x: true}:
		return struct {
			Base
			driver.Lister
			driver.Indexer
		}{s, l, x}
	case has{r: true, l: true, x: true}:
		return struct {
			Base
			driver.Rotator
			driver.Lister
			driver.Indexer
		}{s, r, l, x}
	case has{w: true, l: true, x: true}:
		return struct {
			Base
			driver.Sweeper
			driver.Lister
			driver.Indexer
		}{s, w, l, x}
	case has{r: true, w: true, l: true, x: true}:
		return struct {
			Base
			driver.Rotator
			driver.Sweeper
			driver.Lister
			driver.Indexer
		}{s, r, w, l, x}
	}
	return s
}
