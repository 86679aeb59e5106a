//go:build !unix

package redisstore

import "net"

// closed cannot tell on this platform, so a call over a dead connection fails.
func closed(net.Conn) bool { return false }
