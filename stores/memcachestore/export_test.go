package memcachestore

import "github.com/coatcheck-go/coatcheck/core/driver"

// EncodeList is a list of n sessions that never were.
func EncodeList(n int) []byte {
	v := listValue{ids: make([]driver.ID, n)}
	for i := range v.ids {
		v.ids[i] = driver.ID{0: byte(i), 1: byte(i >> 8), 31: 1}
	}
	return v.encode()
}
