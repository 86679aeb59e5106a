// Package made is for tests whose fixtures cannot fail: made.Of(memstore.New(memstore.Config{})) is the store, and
// made.MemoryDir(t) a folder.
package made

// Of returns v. It panics if there is an error.
func Of[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
