// Package examples contains programs, one in each folder. README.md says what to look at. The tests here click through
// all of them.
package examples
