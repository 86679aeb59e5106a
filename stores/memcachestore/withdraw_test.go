package memcachestore

import (
	"context"
	"net"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// withdraw works in a goroutine of its own, where a panic of Config.DialContext would end the process.
func TestWithdrawPanics(t *testing.T) {
	s, err := New([]string{"127.0.0.1:1"}, Config{
		DialContext: func(context.Context, string, string) (net.Conn, error) { panic("in DialContext") },
	})
	if err != nil {
		t.Fatal(err)
	}
	id := driver.ID{1}
	s.withdraw(t.Context(), s.ring.pick(&id), id, 1)
}
