package core

import "flag"

func made[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var update = flag.Bool("update", false, "write golden files that do not exist yet")
