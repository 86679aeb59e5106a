// Package nearest finds what somebody meant who wrote a name wrongly.
package nearest

import (
	"slices"
	"strings"
)

// Suggest returns "did you mean NAME?" if one of the names is near, and else "there are NAME, NAME, ...".
func Suggest(name string, names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if near := Of(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	return "there are " + strings.Join(names, ", ")
}

// Of returns the one of names that differs least from name, if at most a third of its letters differ; else "".
func Of(name string, names []string) (near string) {
	least := (len(name)+1)/3 + 1
	for _, other := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(other)); d < least {
			near, least = other, d
		}
	}
	return near
}

// distance is the number of letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
