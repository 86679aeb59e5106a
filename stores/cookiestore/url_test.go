package cookiestore_test

import (
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/urltest"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	_ "github.com/coatcheck-go/coatcheck/stores/filestore"
)

func TestURL(t *testing.T) {
	t.Setenv("SESSION_KEYS", keyring.Generate("k1").Reveal())
	t.Setenv("NO_KEYS", "k1:hush")
	dir := filepath.Join(t.TempDir(), "ended")
	urltest.Options(t, "cookie:?keys=env:SESSION_KEYS&", "", cookiestore.Config{}, "Now")
	if info := urltest.Open(t, "cookie:?keys=env:SESSION_KEYS").Info(); info.Name != "cookiestore" || !info.NoRevocation {
		t.Error(info)
	}
	store := urltest.Open(t, "cookie:?keys=env:SESSION_KEYS&revocations=file:"+dir)
	if store.Info().NoRevocation || driver.AbilitiesOf(store).SubjectRevoker == nil {
		t.Error(store.Info())
	}
	urltest.Refused(t, map[string]string{
		"cookie:":                                          "needs keys=env:NAME or keys=file:PATH",
		"cookie:x?keys=env:NO_KEYS":                        "nothing after the colon",
		"cookie:?keys=k1:hush":                             "is no reference to a secret",
		"cookie:?keys=env:NO_KEYS":                         "option keys: ",
		"cookie:?keys=env:NOT_SET":                         "NOT_SET is empty, or not there",
		"cookie:?keys=env:SESSION_KEYS&revocations=paper:": `option revocations: coatcheck: open the store paper:: there is no scheme "paper"`,
		"cookie:?keys=env:SESSION_KEYS&revocations=cookie:?keys=env:SESSION_KEYS": "keeps no records",
		"cookie:?keys=env:SESSION_KEYS&cache=file:" + dir:                         "nothing is registered for the option cache",
	})
}
