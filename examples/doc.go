// Package examples holds programs to run: each folder is one. README.md says what to look
// at; the tests here click through all of them.
package examples
