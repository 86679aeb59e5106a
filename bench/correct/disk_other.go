//go:build !unix

package correct

import "errors"

func fullDisk(*target) (func() error, error) {
	return nil, errors.New("a full disk cannot be shown on this system")
}
