//go:build unix

package redisstore

import (
	"net"
	"syscall"
)

// closed reports whether the other side has closed or reset the connection.
func closed(c net.Conn) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	dead := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent := err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR
		dead = err == nil && n == 0 || err != nil && !silent
	})
	return dead || err != nil
}
