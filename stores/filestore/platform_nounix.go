//go:build !unix

package filestore

// nonblock is nothing here: no name of a folder's holds up who opens it.
const nonblock = 0
