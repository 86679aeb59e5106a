// Package browsertest drives the Gin example in Chromium. It is a module of its own so that
// the examples do not require the library that talks to the browser.
package browsertest
