package main

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// tags has the commit of each tag of the repository.
type tags map[string]string

func (r repo) tags() (tags, error) {
	// *objectname is the commit of an annotated tag, and empty for another one.
	list, err := r.git("for-each-ref", "--format=%(refname) %(objectname) %(*objectname)", "refs/tags")
	if err != nil {
		return nil, err
	}
	found := tags{}
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		found[strings.TrimPrefix(words[0], "refs/tags/")] = words[len(words)-1]
	}
	return found, nil
}

// versions are those of the root module.
func (t tags) versions() []string {
	var found []string
	for name := range t {
		if !strings.Contains(name, "/") {
			found = append(found, name)
		}
	}
	return found
}

// of are the commits at which the version is tagged, for whichever module.
func (t tags) of(version string) []string {
	var commits []string
	for name, commit := range t {
		if path.Base(name) == version {
			commits = append(commits, commit)
		}
	}
	slices.Sort(commits)
	return slices.Compact(commits)
}

// release tags HEAD. If there are tags of the version, an earlier run was interrupted after its checks: it is finished,
// at the commit that it had.
func (j job) release() error {
	found, err := j.repo.tags()
	if err != nil {
		return err
	}
	head, err := j.repo.git("rev-parse", "HEAD")
	if err != nil {
		return err
	}
	commit, at := head, found.of(j.version)
	switch len(at) {
	case 0:
		if err := checkNext(j.version, found.versions()); err != nil {
			return err
		}
	case 1:
		commit = at[0]
	default:
		return fmt.Errorf("%s is tagged at several commits: %s.\nDelete the tags that are not pushed: git tag -d. If they are, release the next version: a pushed tag is never moved",
			j.version, strings.Join(at, ", "))
	}
	all, err := j.repo.modules(commit)
	if err != nil {
		return err
	}
	var names []string
	var missing []module
	for _, m := range all {
		if !m.published() {
			continue
		}
		names = append(names, m.tag(j.version))
		if _, has := found[m.tag(j.version)]; !has {
			missing = append(missing, m)
		}
	}
	if len(missing) > 0 {
		err = j.finish(commit, all, missing, len(at) > 0)
	} else {
		j.say("All tags of %s are there, at commit %s.", j.version, commit)
		if commit != head {
			j.say("HEAD is another commit, %s: it needs the next version.", head)
		}
	}
	if err == nil && !j.dryRun {
		// --atomic: nobody gets an adapter whose core is not there yet.
		j.say("This pushes nothing. When CI has passed for that commit (CI=true bash .ci/run), push it:")
		j.say("git push --atomic origin main %s", strings.Join(names, " "))
	}
	return err
}

// finish makes the tags that are missing, which is the only effect of this command, unless something is wrong.
func (j job) finish(commit string, all, missing []module, begun bool) error {
	wrong := j.wrongIn(commit, all, begun)
	if begun {
		j.say("Some tags of %s are there, at commit %s. The others belong there, too.", j.version, commit)
	} else {
		wrong = append(j.wrongHere(), wrong...)
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("nothing is tagged:\n%w", err)
	}
	for _, m := range missing {
		if j.dryRun {
			j.say("would tag %s as %s", commit, m.tag(j.version))
			continue
		}
		if _, err := j.repo.git("tag", "--annotate", "--message", m.path+" "+j.version, m.tag(j.version), commit); err != nil {
			return err
		}
		j.say("tagged %s as %s", commit, m.tag(j.version))
	}
	return nil
}
