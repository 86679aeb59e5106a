// Package rolling tests a deployment that changes one server after the other: this release beside one whose formats
// have the next number. It has no code for anybody to call.
package rolling
