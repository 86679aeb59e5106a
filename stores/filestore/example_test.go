package filestore_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

// Writes need not wait for the disk, where a power failure may cost the last sessions. What was ended stays ended.
func ExampleSync() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := filestore.New(filepath.Join(dir, "sessions"), filestore.Config{Sync: filestore.SyncEnds})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	fmt.Println(m.Info().Name)
	// Output: filestore
}
