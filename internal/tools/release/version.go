package main

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

// versionShape is what we release. v2 would be another import path for every module.
var versionShape = regexp.MustCompile(`^v[01]\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-rc\.[1-9]\d*)?$`)

// checkNext says whether version may follow those that are tagged. Fixes go into the newest minor version only
// (SECURITY.md), so there is no older line to fix.
func checkNext(version string, tagged []string) error {
	if !versionShape.MatchString(version) {
		return fmt.Errorf("%q is no version of ours: say v0.2.0, or v0.2.0-rc.1", version)
	}
	released, newest := "v0.0.0", "v0.0.0" // the second one with release candidates
	for _, v := range tagged {
		if !versionShape.MatchString(v) {
			continue
		}
		if semver.Compare(v, newest) > 0 {
			newest = v
		}
		if semver.Prerelease(v) == "" && semver.Compare(v, released) > 0 {
			released = v
		}
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(released, "v%d.%d.%d", &major, &minor, &patch); err != nil {
		return err
	}
	next := []string{fmt.Sprintf("v%d.%d.%d", major, minor, patch+1), fmt.Sprintf("v%d.%d.0", major, minor+1)}
	if major == 0 {
		next = append(next, "v1.0.0")
	}
	base := strings.TrimSuffix(version, semver.Prerelease(version))
	for _, n := range next {
		if base == n && semver.Compare(version, newest) > 0 {
			return nil
		}
	}
	return fmt.Errorf("%s does not follow %s: the next one is %s, or a candidate (-rc.N) of it, after %s",
		version, released, strings.Join(next, " or "), newest)
}
