//go:build !race

package p10

// Race says whether the race detector is on.
const Race = false
