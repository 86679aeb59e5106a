package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func init() { driver.Register("file", openURL) }

// openURL opens "file:FOLDER?sync=ends".
func openURL(_ context.Context, u *driver.URL) (driver.Backend, error) {
	dir, err := u.Path()
	var config Config
	sync := "all"
	u.Option("sync", &sync)
	switch {
	case err != nil:
	case sync == "ends":
		config.Sync = SyncEnds
	case sync != "all":
		err = errors.New(`option sync is "all" or "ends"`)
	}
	if err == nil {
		err = u.Check()
	}
	if err == nil && !u.Create {
		err = isStore(dir)
	}
	if err != nil {
		return nil, err
	}
	return New(dir, config)
}

// isStore reports an error if no Store was ever opened in dir. New makes the first subfolder in any folder.
func isStore(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%q is a file, not a folder", dir)
	}
	_, err := os.Stat(filepath.Join(dir, shardName(0)))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no folder of sessions at %q: no application has used it yet, or its name is another one", dir)
	}
	return err
}
