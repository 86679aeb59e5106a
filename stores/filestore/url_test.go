package filestore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/urltest"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

func TestURL(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "a b")
	none := filepath.Join(parent, "none")
	urltest.Refused(t, map[string]string{
		"file:" + none + "?create=false":   "there is no folder of sessions",
		"file:" + parent + "?create=false": "there is no folder of sessions",
		"file:":                            "names no file or folder",
		"file:x?sync=off":                  `option sync is "all" or "ends"`,
		"file:x?mode=0700":                 `there is no option "mode"`,
	})
	if _, err := os.Stat(none); err == nil {
		t.Error("create=false made the folder")
	}
	urltest.Options(t, "file:"+none+"?", "", filestore.Config{}, "Now", "Logger")
	urltest.Open(t, "file:"+filepath.Join(parent, "a%20b"))
	urltest.Open(t, "file://"+filepath.ToSlash(dir)+"?create=false")
	urltest.Open(t, "file:"+dir+"?create=false&sync=ends")
	urltest.Open(t, "file:"+dir+"?sync=all")
}
