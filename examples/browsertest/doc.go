// Package browsertest tests the Gin example in Chromium. It is a separate module, so that the examples do not require
// the library that drives the browser.
package browsertest
