//go:build !race

package owncost

// Race says whether the race detector is on.
const Race = false
