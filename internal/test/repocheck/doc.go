// Package repocheck holds this repository's rules about itself, as tests: which
// package may import which, what each go.mod must say, that every exported name
// is explained, that ARCHITECTURE.md names what is there, that copied harnesses are
// alike, that no file grows too long or names a machine. It has no code for anybody
// to call; run it with "go test ./internal/test/repocheck".
package repocheck
