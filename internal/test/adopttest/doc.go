// Package adopttest tests adopt with the libraries whose sessions it takes over: gorilla/sessions, gin-contrib/sessions
// with its stores, boj/redistore and alexedwards/scs. In each test the library itself signs a user in, and the new
// application takes the session over. It is a module of its own, so that these libraries are in no other go.sum.
package adopttest
