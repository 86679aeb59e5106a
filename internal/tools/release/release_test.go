package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var today = time.Date(2026, 12, 1, 12, 0, 0, 0, time.Local)

const changes = "# Changelog\n\n## [Unreleased]\n\n- All of it.\n"

// newRepo is a clone of a small repository, as git makes it: a root, an adapter, a command that requires another module
// of ours, and examples, which are not published. Its origin is bare.
func newRepo(t *testing.T) repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil && os.Getenv("CI") == "" {
		t.Skip("no git")
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull) // no signatures and hooks of this machine
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
	origin := filepath.Join(t.TempDir(), "origin.git")
	r := repo{filepath.Join(t.TempDir(), "clone")}
	above := repo{t.TempDir()}
	must(t, above, "init", "--quiet", "--bare", "--initial-branch=main", origin)
	must(t, above, "clone", "--quiet", origin, r.dir)
	must(t, r, "config", "user.name", "Test")
	must(t, r, "config", "user.email", "test@example.org")
	const nested = "module example.org/coat/DIR\n\ngo 1.25.0\n\nrequire example.org/coat v0.1.0\n\nreplace example.org/coat => ..\n"
	for name, text := range map[string]string{
		"go.mod":            "module example.org/coat\n\ngo 1.25.0\n",
		"adapter/go.mod":    strings.ReplaceAll(nested, "DIR", "adapter"),
		"cmd/coat/go.mod":   "module example.org/coat/cmd/coat\n\ngo 1.25.0\n\nrequire (\n\texample.org/coat v0.1.0\n\texample.org/coat/adapter v0.1.0\n\texample.org/other v0.1.0\n)\n",
		"examples/go.mod":   strings.ReplaceAll(nested, "DIR", "examples"),
		"CHANGELOG.md":      changes,
		"LICENSE":           "Do as you like.\n",
		"examples/LICENSES": "not one\n",
	} {
		write(t, r, name, text)
	}
	commit(t, r)
	must(t, r, "push", "--quiet", "origin", "main")
	return r
}

func must(t *testing.T, r repo, args ...string) string {
	t.Helper()
	out, err := r.git(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func write(t *testing.T, r repo, name, text string) {
	t.Helper()
	full := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, r repo) {
	t.Helper()
	must(t, r, "add", "--all")
	must(t, r, "commit", "--quiet", "--message", "a change")
}

// call runs the command, and returns what it said, its error included.
func call(r repo, args ...string) (said string, ok bool) {
	var out strings.Builder
	if err := run(r.dir, args, today, &out); err != nil {
		return out.String() + err.Error(), false
	}
	return out.String(), true
}

// prepared is a repository in which the next command may be "release v0.1.0".
func prepared(t *testing.T) repo {
	t.Helper()
	r := newRepo(t)
	if said, ok := call(r, "--prepare", "v0.1.0"); !ok {
		t.Fatal(said)
	}
	commit(t, r)
	return r
}

func tagNames(t *testing.T, r repo) string {
	t.Helper()
	return strings.ReplaceAll(must(t, r, "tag", "--list"), "\n", " ")
}

const allTags = "adapter/v0.1.0 cmd/coat/v0.1.0 v0.1.0"

func TestRelease(t *testing.T) {
	r := prepared(t)
	said, ok := call(r, "--dry-run", "v0.1.0")
	if !ok || !strings.Contains(said, "would tag") || tagNames(t, r) != "" {
		t.Fatalf("dry run: %s; tags: %q", said, tagNames(t, r))
	}
	said, ok = call(r, "v0.1.0")
	if !ok || tagNames(t, r) != allTags {
		t.Fatalf("%s; tags: %q, want %q", said, tagNames(t, r), allTags)
	}
	head := must(t, r, "rev-parse", "HEAD")
	for name := range strings.FieldsSeq(allTags) {
		if kind := must(t, r, "cat-file", "-t", name); kind != "tag" {
			t.Errorf("%s is a %s, not an annotated tag", name, kind)
		}
		if at := must(t, r, "rev-parse", name+"^{commit}"); at != head {
			t.Errorf("%s is at %s, HEAD is %s", name, at, head)
		}
	}
	if got := must(t, r, "ls-remote", "--tags", "origin"); got != "" {
		t.Errorf("it has pushed: %s", got)
	}

	again, ok := call(r, "v0.1.0")
	if !ok || !strings.Contains(again, "All tags of v0.1.0 are there, at commit "+head) {
		t.Errorf("a second run: %s", again)
	}
	// The command that it prints pushes all of it.
	lines := strings.Split(strings.TrimSpace(said), "\n")
	push, isGit := strings.CutPrefix(lines[len(lines)-1], "git ")
	if !isGit {
		t.Fatalf("the last line is no command of git: %s", said)
	}
	must(t, r, append(strings.Fields(push), "--quiet")...)
	remote := must(t, r, "ls-remote", "origin")
	for name := range strings.FieldsSeq(allTags) {
		if !strings.Contains(remote, head+"\trefs/tags/"+name+"^{}") {
			t.Errorf("origin has no %s at %s:\n%s", name, head, remote)
		}
	}
	if !strings.Contains(remote, head+"\trefs/heads/main") {
		t.Errorf("main of origin is not at %s:\n%s", head, remote)
	}
}

// An interrupted run is finished where it began, also a day and a commit later.
func TestInterrupted(t *testing.T) {
	r := prepared(t)
	began := must(t, r, "rev-parse", "HEAD")
	if said, ok := call(r, "v0.1.0"); !ok {
		t.Fatal(said)
	}
	must(t, r, "tag", "--delete", "adapter/v0.1.0", "cmd/coat/v0.1.0")
	write(t, r, "later.go", "package coat\n")
	commit(t, r)
	var out strings.Builder
	if err := run(r.dir, []string{"v0.1.0"}, today.AddDate(0, 0, 1), &out); err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(allTags) {
		if at := must(t, r, "rev-parse", name+"^{commit}"); at != began {
			t.Errorf("%s is at %s, want %s:\n%s", name, at, began, out.String())
		}
	}
	said, ok := call(r, "v0.1.0")
	if !ok || !strings.Contains(said, "HEAD is another commit") {
		t.Errorf("with a later commit: %s", said)
	}
	if said, ok := call(r, "--prepare", "v0.1.0"); ok {
		t.Errorf("a version that is tagged was prepared: %s", said)
	}
}

func TestRefused(t *testing.T) {
	cases := []struct {
		about   string
		version string
		spoil   func(t *testing.T, r repo)
		want    string
	}{
		{"no version of ours", "0.1.0", nil, "is no version of ours"},
		{"another import path", "v2.0.0", nil, "is no version of ours"},
		{"a gap", "v0.3.0", nil, "the next one is v0.0.1 or v0.1.0 or v1.0.0"},
		{"an option that is none", "--force", nil, "usage:"},
		{"another branch", "v0.1.0", func(t *testing.T, r repo) { must(t, r, "switch", "--quiet", "--create", "side") }, "git switch main"},
		{"no branch", "v0.1.0", func(t *testing.T, r repo) { must(t, r, "switch", "--quiet", "--detach") }, "git switch main"},
		{"a changed file", "v0.1.0", func(t *testing.T, r repo) { write(t, r, "LICENSE", "No.\n") }, " M LICENSE"},
		{"a new file", "v0.1.0", func(t *testing.T, r repo) { write(t, r, "adapter/new.go", "package adapter\n") }, "?? adapter/new.go"},
		{"not prepared", "v1.0.0", nil, "adapter/go.mod, cmd/coat/go.mod: another version of ours than v1.0.0: .ci/release --prepare v1.0.0"},
		{"no section", "v1.0.0", nil, "no section [1.0.0]"},
		{"one go.mod of another version", "v0.1.0", func(t *testing.T, r repo) {
			write(t, r, "adapter/go.mod", "module example.org/coat/adapter\n\nrequire example.org/coat v0.0.9\n")
			commit(t, r)
		}, "adapter/go.mod: another version of ours"},
		{"no licence", "v0.1.0", func(t *testing.T, r repo) {
			must(t, r, "mv", "LICENSE", "LICENSE.txt")
			commit(t, r)
		}, "no file LICENSE"},
		{"yesterday's section", "v0.1.0", func(t *testing.T, r repo) {
			write(t, r, "CHANGELOG.md", "## [Unreleased]\n\n## [0.1.0] - 2026-11-30\n\n- All of it.\n")
			commit(t, r)
		}, "is not dated today"},
		{"an empty section", "v0.1.0", func(t *testing.T, r repo) {
			write(t, r, "CHANGELOG.md", "## [Unreleased]\n\n## [0.1.0] - 2026-12-01\n")
			commit(t, r)
		}, "says nothing under [0.1.0]"},
		{"something new under Unreleased", "v0.1.0", func(t *testing.T, r repo) {
			write(t, r, "CHANGELOG.md", "## [Unreleased]\n\n- More.\n\n## [0.1.0] - 2026-12-01\n\n- All of it.\n")
			commit(t, r)
		}, "something under Unreleased"},
		{"tags at two commits", "v0.1.0", func(t *testing.T, r repo) {
			must(t, r, "tag", "v0.1.0", "HEAD~1")
			must(t, r, "tag", "adapter/v0.1.0")
		}, "tagged at several commits"},
		{"a tag at a commit that was not prepared", "v0.1.0", func(t *testing.T, r repo) { must(t, r, "tag", "v0.1.0", "HEAD~1") }, "no section [0.1.0]"},
	}
	for _, c := range cases {
		t.Run(c.about, func(t *testing.T) {
			r := prepared(t)
			if c.spoil != nil {
				c.spoil(t, r)
			}
			before := tagNames(t, r)
			said, ok := call(r, c.version)
			if ok || !strings.Contains(said, c.want) {
				t.Errorf("ok=%t; it does not say %q:\n%s", ok, c.want, said)
			}
			if after := tagNames(t, r); after != before {
				t.Errorf("it tagged: %q, before %q", after, before)
			}
		})
	}
}

func TestCheckNext(t *testing.T) {
	tagged := []string{"v0.1.0", "v0.2.0-rc.1", "v0.2.0-rc.2", "nightly"}
	for version, want := range map[string]bool{
		"v0.1.1": false, // v0.2.0-rc.2 is newer: fixes go into the newest minor version
		"v0.2.0": true, "v1.0.0": true, "v0.2.0-rc.3": true, "v0.2.0-rc.2": false, "v0.2.0-rc.1": false,
		"v0.1.0": false, "v0.3.0": false, "v0.2.1": false, "v0.2": false, "v0.2.0+meta": false, "v0.02.0": false,
	} {
		if err := checkNext(version, tagged); (err == nil) != want {
			t.Errorf("%s after %v: %v", version, tagged, err)
		}
	}
	if err := checkNext("v2.0.0", []string{"v1.9.0"}); err == nil {
		t.Error("v2.0.0 was accepted: its modules would need other paths")
	}
}

func TestPrepare(t *testing.T) {
	r := newRepo(t)
	if said, ok := call(r, "--prepare", "--dry-run", "v1.0.0"); !ok || must(t, r, "status", "--porcelain") != "" {
		t.Fatalf("a dry run: %s", said)
	}
	for range 2 { // the second one changes nothing
		if said, ok := call(r, "--prepare", "v1.0.0"); !ok {
			t.Fatal(said)
		}
		diff := must(t, r, "diff", "--unified=0")
		var lines []string
		for line := range strings.SplitSeq(diff, "\n") {
			if added, ok := strings.CutPrefix(line, "+"); ok && added != "" && added[0] != '+' {
				lines = append(lines, strings.TrimSpace(added))
			}
		}
		const want = "## [1.0.0] - 2026-12-01; require example.org/coat v1.0.0; example.org/coat v1.0.0; example.org/coat/adapter v1.0.0; require example.org/coat v1.0.0"
		if got := strings.Join(lines, "; "); got != want {
			t.Errorf("added:\n%s\nwant:\n%s\n%s", got, want, diff)
		}
	}
}

func TestChangelog(t *testing.T) {
	const older = "\n## [0.1.0] - 2026-11-01\n\n- Old.\n"
	for text, want := range map[string]string{
		changes:                              "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n- All of it.\n",
		changes + older:                      "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n- All of it.\n" + older,
		"## [Unreleased]\n" + older:          "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n" + nothing + "\n" + older,
		"## [Unreleased]\n\n## [0.2.0]\n- A": "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n- A",
	} {
		got, err := released(text, "v0.2.0", "2026-12-01")
		if err != nil || got != want {
			t.Errorf("of %q: %q, want %q; %v", text, got, want, err)
		}
		if again, err := released(got, "v0.2.0", "2026-12-01"); err != nil || again != got {
			t.Errorf("again, of %q: %q; %v", got, again, err)
		}
		if later, err := released(got, "v0.2.0", "2026-12-02"); err != nil || later != strings.ReplaceAll(got, "2026-12-01", "2026-12-02") {
			t.Errorf("a day later, of %q: %q; %v", got, later, err)
		}
	}
	for _, text := range []string{"", "# Changelog\n", "## [Unreleased]\n- A\n## [0.2.0]\n- B\n"} {
		if got, err := released(text, "v0.2.0", "2026-12-01"); err == nil {
			t.Errorf("%q was released: %q", text, got)
		}
	}
}
