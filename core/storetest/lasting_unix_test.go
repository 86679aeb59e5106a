//go:build unix

package storetest

import (
	"syscall"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Memory of a mapped file that is gone is a failure, and does not end the process.
func TestMemoryThatIsGone(t *testing.T) {
	mapped, err := syscall.Mmap(-1, 0, 1<<16, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	copy(mapped, "secret")
	k := keep("Load", driver.Record{Data: mapped[:6:6]})
	if got := k.changed(); got != "" {
		t.Errorf("while it is there: %q", got)
	}
	if err := syscall.Munmap(mapped); err != nil {
		t.Fatal(err)
	}
	if got := k.changed(); got != "its memory is gone" {
		t.Errorf("%q", got)
	}
}
