//go:build !unix

package redisstore

import "net"

// closed cannot tell here: a call over a dead connection fails.
func closed(net.Conn) bool { return false }
