// Package peer wires each session library of the comparison into one framework over one
// store, so that all of them do the same work behind the same routes.
//
// A library appears as its documentation shows it, with its defaults. Where these
// differ in what they do for the application, the one choice made here is that every cookie
// store encrypts. Cookies may be Secure, so clients that mind that need TLS or a
// jar of their own.
package peer

import (
	"net/http"

	"github.com/valyala/fasthttp"
)

// The routes of every App, all GET, all answering 200 with a short text.
//
//	/untouched      does not touch the session                       (cases A, B)
//	/read           reads the key "visits", an int, and prints it    (case C; F in parallel)
//	/write          reads "visits", sets it to one more, saves       (case D)
//	/new            sets the one key "visits" (sent without cookie)  (case E)
//	/fill           sets the five values of Values: makes the session that B, C and D use
//	/set?key=K      reads K, sleeps 5 ms, sets K, saves              (lost updates)
//	/slow           reads "visits", sleeps 100 ms, sets it, saves    (resurrection after logout)
//	/slowread       reads "visits", sleeps 100 ms, answers
//	/keys           prints how many of the keys "k0".."k63" are set
//	/logout         ends the session as the library says (Destroy, Flush, MaxAge -1 and Save, ...)
//	/stream         sets a key, saves where that is left to the handler, writes 1 byte, flushes,
//	                writes again: is the cookie on the response?
const (
	Untouched = "/untouched"
	Read      = "/read"
	Write     = "/write"
	New       = "/new"
	Fill      = "/fill"
	Set       = "/set"
	Slow      = "/slow"
	SlowRead  = "/slowread"
	Keys      = "/keys"
	Logout    = "/logout"
	Stream    = "/stream"
)

// Values are what /fill sets: 261 bytes as one JSON object, like a small real session.
var Values = []struct {
	Key   string
	Value any
}{
	{"visits", 1},
	{"user", "0190b6a4-7c3e-7f10-9b5d-2f6a1c8e4d90"},
	{"csrf", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"},
	{"locale", "en-GB"},
	{"return_to", "/orders/2026/11/page/3/sort/date/filter/open,paid,shipped/columns/number,customer,total,date,carrier,state/expand/line"},
}

// An App is one library on one framework over one store.
type App struct {
	Library   string // "coatcheck", "scs", "gin-contrib/sessions", ...; "" is the bare framework
	Module    string // module path, whose version the page names
	Framework string // "net/http", "gin", "echo", "echo v5", "fiber v2", "fiber v3"
	Store     string // "memory", "cookie", "file", "redis", "memcached", "sqlite", "postgres"; "" for bare

	// New starts it. An error says why it cannot be measured here.
	New func(Env) (*Running, error)
}

// Env is where the stores keep their records.
type Env struct {
	Dir       string // an empty folder of the App's own, mode 0700
	Redis     string // host:port, "" if there is no server
	Memcached string // host:port
	Postgres  string // a DSN in URL form, for a database of the App's own
}

// Running is an App that takes requests. HTTP is set, or Fast is.
type Running struct {
	HTTP  http.Handler
	Fast  fasthttp.RequestHandler
	Close func() // never nil
}

// All lists every App, the bare frameworks first. Each file of this package appends in init.
var All = []App{bareHTTP, bareGin, bareEcho, bareEchoV5, bareFiberV2, bareFiberV3}
