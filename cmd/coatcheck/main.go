// Command coatcheck lists, ends and checks the sessions of an application from a terminal. It takes the application's
// COATCHECK_ environment (core.ConfigFromEnv), so that it sees what the application sees:
//
//	export COATCHECK_STORE=redis://localhost:6379/0
//	coatcheck list --user alice
//	coatcheck revoke-user alice
//
// coatcheck --help has the commands and the exit codes. The guide is docs/operations.md.
//
// It knows the stores of this repository. For another scheme, build a copy of this folder with one more file:
//
//	package main
//
//	import _ "example.org/mystore"
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"

	"github.com/coatcheck-go/coatcheck/core"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process, whatever it waits for
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes, as the help of the command lists them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUnsupported = 4
	exitUnavailable = 5
	exitProblems    = 6
	exitInterrupted = 130
)

// usageError is what is wrong with the arguments.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errProblems ends a command that has found what it looked for, and has printed it.
var errProblems = errors.New("problems were found")

// run is the command. It returns the exit code, and writes an error as one line to stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{in: stdin, out: stdout, err: stderr}
	root := a.command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if closing := a.close(); err == nil {
		err = closing
	}
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil {
		fmt.Fprintf(stderr, "coatcheck: interrupted%s\n", a.progress())
		return exitInterrupted
	}
	code := exitOf(err)
	if !errors.Is(err, errProblems) {
		fmt.Fprintln(stderr, "coatcheck: "+a.line(err, code))
	}
	return code
}

func exitOf(err error) int {
	var usage usageError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errProblems), errors.Is(err, core.ErrIncomplete), errors.Is(err, core.ErrUnreadable):
		return exitProblems
	case errors.Is(err, errors.ErrUnsupported):
		return exitUnsupported
	case errors.Is(err, core.ErrUnavailable), errors.Is(err, errPage):
		return exitUnavailable
	case errors.Is(err, core.ErrNotFound):
		return exitNotFound
	}
	return exitFailed
}

// line is err in one line, with what to do about it.
func (a *app) line(err error, code int) string {
	text := asGiven.Replace(strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "coatcheck: ", "")), " "))
	text = strings.Map(func(r rune) rune { // an argument or a server's answer may have what moves a terminal
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
	for _, tail := range []string{": session not found", ": unsupported operation"} { // the code says it
		text = strings.TrimSuffix(text, tail)
	}
	switch code {
	case exitUsage:
		return text + " (see --help)"
	case exitUnsupported:
		if !strings.Contains(text, "list") { // it cannot count, or seal
			return text
		}
		return text + ": memcached and the cookie store keep no list of all sessions; show and revoke an ID, or revoke-user, where the store can"
	case exitUnavailable:
		if errors.Is(err, errPage) {
			return text
		}
		return text + ": does the server run, and is COATCHECK_STORE right?"
	case exitProblems:
		if errors.Is(err, core.ErrIncomplete) {
			return text + ": memcached may have lost the list of this user: docs/limits.md"
		}
		return text + ": coatcheck verify lists what cannot be read"
	}
	return text
}
