// Command fips imports every package that applications import, and ends. With GODEBUG=fips140=only, a package
// that uses what is not approved as it is initialized panics here.
package main

import (
	_ "github.com/coatcheck-go/coatcheck/core"
	_ "github.com/coatcheck-go/coatcheck/core/adaptertest"
	_ "github.com/coatcheck-go/coatcheck/core/driver"
	_ "github.com/coatcheck-go/coatcheck/core/keyring"
	_ "github.com/coatcheck-go/coatcheck/core/storetest"
	_ "github.com/coatcheck-go/coatcheck/echosession"
	_ "github.com/coatcheck-go/coatcheck/fibersession"
	_ "github.com/coatcheck-go/coatcheck/ginsession"
	_ "github.com/coatcheck-go/coatcheck/httpsession"
	_ "github.com/coatcheck-go/coatcheck/stores/cachedstore"
	_ "github.com/coatcheck-go/coatcheck/stores/cookiestore"
	_ "github.com/coatcheck-go/coatcheck/stores/filestore"
	_ "github.com/coatcheck-go/coatcheck/stores/gormstore"
	_ "github.com/coatcheck-go/coatcheck/stores/memcachestore"
	_ "github.com/coatcheck-go/coatcheck/stores/memstore"
	_ "github.com/coatcheck-go/coatcheck/stores/redisstore"
)

func main() {}
