//go:build !unix

package filestore

// nonblock is 0 here, because no file in a folder makes the process that opens it wait.
const nonblock = 0
