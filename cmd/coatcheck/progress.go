package main

import (
	"context"
	"os"

	"github.com/schollz/progressbar/v3"

	"github.com/coatcheck-go/coatcheck/core"
)

// bar shows on stderr how far long work is. Its zero value shows nothing.
type bar struct{ *progressbar.ProgressBar }

// bar begins one. The total is known where the store can count.
func (a *app) bar(ctx context.Context, m *core.Manager, what string) bar {
	total := -1
	if n, err := m.Count(ctx); err == nil {
		total = n
	}
	return a.barOf(total, what)
}

// barOf begins one if stderr is a terminal.
func (a *app) barOf(total int, what string) bar {
	file, ok := a.err.(*os.File)
	if !ok {
		return bar{}
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return bar{}
	}
	return bar{progressbar.NewOptions(total,
		progressbar.OptionSetWriter(file), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionSetItsString("sessions"), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100_000_000))}
}

func (b bar) add() {
	if b.ProgressBar != nil {
		_ = b.Add(1) // a bar that cannot be drawn stops no work
	}
}

func (b bar) done() {
	if b.ProgressBar != nil {
		_ = b.Finish()
	}
}
