package recorder_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/internal/recorder"
)

// Every way to fail is kept, ends the goroutine where testing.TB says so, and does not reach the inner testing.TB.
func TestFailuresAreKept(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(tb testing.TB)
		ends bool
		want string
	}{
		"Error":   {func(tb testing.TB) { tb.Error("one", 2) }, false, "one 2\n"},
		"Errorf":  {func(tb testing.TB) { tb.Errorf("one %d", 2) }, false, "one 2"},
		"Fail":    {func(tb testing.TB) { tb.Fail() }, false, "failed"},
		"FailNow": {func(tb testing.TB) { tb.FailNow() }, true, "failed"},
		"Fatal":   {func(tb testing.TB) { tb.Fatal("one", 2) }, true, "one 2\n"},
		"Fatalf":  {func(tb testing.TB) { tb.Fatalf("one %d", 2) }, true, "one 2"},
	} {
		rec, ended := recorder.New(t), true
		rec.Within(time.Minute, "the rule", func() { c.fail(rec); ended = false })
		if _, failures := rec.Result(); !slices.Equal(failures, []string{c.want}) || ended != c.ends || !rec.Failed() {
			t.Errorf("%s: failures %q, ended %t", name, failures, ended)
		}
	}
}

func TestPanicAndHangAreFailures(t *testing.T) {
	rec := recorder.New(t)
	rec.Within(time.Minute, "the rule", func() { panic("no store") })
	goOn := make(chan bool)
	defer close(goOn)
	rec.Within(time.Millisecond, "the rule", func() { <-goOn })
	_, failures := rec.Result()
	if len(failures) != 2 || !strings.HasPrefix(failures[0], "the rule panics: no store\n") ||
		!strings.HasPrefix(failures[1], "the rule hangs: no end after 1ms\n") {
		t.Errorf("failures %q", failures)
	}
}

// A hang shows where: the stacks of the rule's own goroutines come first, without arguments, which may hold a secret.
// However many there are, the text stays short.
func TestHangShowsStacks(t *testing.T) {
	rec := recorder.New(t)
	goOn, waiting := make(chan bool), make(chan bool)
	defer close(goOn)
	for range 200 {
		go waitsElsewhere(goOn)
	}
	go func() { <-waiting; <-waiting }() // both are on their way to wait
	rec.Within(200*time.Millisecond, "the rule", func() {
		go waitsInWorker([4]byte{0xde, 0xad, 0xbe, 0xef}, waiting, goOn)
		waiting <- true
		<-goOn
	})
	_, failures := rec.Result()
	text := strings.Join(failures, "\n")
	rule, worker := strings.Index(text, "TestHangShowsStacks.func"), strings.Index(text, "waitsInWorker")
	other := strings.Index(text, "waitsElsewhere")
	if rule < 0 || worker < 0 || other >= 0 && other < max(rule, worker) {
		t.Errorf("the rule at %d, its worker at %d, another goroutine at %d:\n%.1500s", rule, worker, other, text)
	}
	if len(text) > 20_000 || strings.Contains(text, "0xde") || !strings.Contains(text, "more goroutines") {
		t.Errorf("%d bytes:\n%.5000s", len(text), text)
	}
}

//go:noinline
func waitsInWorker(_ [4]byte, waiting, goOn chan bool) { waiting <- true; <-goOn }

//go:noinline
func waitsElsewhere(goOn chan bool) { <-goOn }

func TestSkip(t *testing.T) {
	for name, skip := range map[string]func(tb testing.TB){
		"no server": func(tb testing.TB) { tb.Skip("no ", "server") },
		"no redis":  func(tb testing.TB) { tb.Skipf("no %s", "redis") },
		"skipped":   func(tb testing.TB) { tb.Skip("") },
	} {
		rec := recorder.New(t)
		rec.Within(time.Minute, "the rule", func() { skip(rec); rec.Error("goes on") })
		if skipped, failures := rec.Result(); skipped != name || len(failures) > 0 || !rec.Skipped() {
			t.Errorf("skipped %q, failures %q, want %q", skipped, failures, name)
		}
	}
}

func TestSkipHidesNoFailure(t *testing.T) {
	rec := recorder.New(t)
	rec.Within(time.Minute, "the rule", func() { rec.Error("broken"); rec.Skip("no server") })
	if skipped, failures := rec.Result(); skipped != "" || len(failures) != 1 {
		t.Errorf("skipped %q, failures %q", skipped, failures)
	}
}

// Cleanups run when they are told to, all of them, the last first, and what fails in one is kept.
func TestCleanups(t *testing.T) {
	rec := recorder.New(t)
	var order string
	rec.Cleanup(func() { order += "a" })
	rec.Cleanup(func() { rec.Cleanup(func() { order += "c" }); rec.Fatal("cannot close") })
	rec.Cleanup(func() { order += "d" })
	rec.Within(time.Minute, "the cleanup", rec.RunCleanups)
	rec.RunCleanups() // there are none left
	if _, failures := rec.Result(); order != "dca" || len(failures) != 1 {
		t.Errorf("order %q, failures %q", order, failures)
	}
}
