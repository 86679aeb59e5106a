package gormstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The kinds of error types that drivers have.
type (
	stateError  string                                   // pgx, lib/pq
	mysqlError  struct{ Number uint16 }                  // go-sql-driver/mysql
	codeError   int                                      // modernc, glebarez
	structError struct{ Code, ExtendedCode sqliteErrNo } // mattn
	sqliteErrNo int
)

func (e stateError) Error() string    { return "state " + string(e) }
func (e stateError) SQLState() string { return string(e) }
func (e *mysqlError) Error() string   { return fmt.Sprint("number ", e.Number) }
func (e codeError) Error() string     { return fmt.Sprint("code ", int(e)) }
func (e codeError) Code() int         { return int(e) }
func (e structError) Error() string   { return fmt.Sprint("code ", e.Code) }

func TestKinds(t *testing.T) {
	s, _ := newFake(t, Config{})
	for want, errs := range map[kind][]error{
		isAnswer:     {nil, driver.Corrupt("x")},
		isTaken:      {errFakeTaken},
		isTooLarge:   {&mysqlError{1406}, &mysqlError{1153}, codeError(18)},
		isRolledBack: {stateError("40001"), stateError("40P01"), &mysqlError{1213}, &mysqlError{1205}, codeError(5), codeError(517), structError{Code: 6}},
		isRefused:    {stateError("42P01"), stateError("25006"), &mysqlError{1146}, &mysqlError{1290}, codeError(8), structError{Code: 1}},
		isLost:       {io.EOF, errors.New("invalid connection"), stateError("57P01"), stateError("53300"), stateError("08006"), &mysqlError{1040}, codeError(10)},
	} {
		for _, err := range errs {
			if got := s.kind(err); got != want {
				t.Errorf("%v is of kind %d, want %d", err, got, want)
			}
			if err != nil {
				if got := s.kind(fmt.Errorf("wrapped: %w", err)); got != want {
					t.Errorf("wrapped %v is of kind %d, want %d", err, got, want)
				}
			}
		}
	}
}

// TestPoolerIsNamed: if a statement was prepared on another connection, the error names the pooler and the remedy.
func TestPoolerIsNamed(t *testing.T) {
	s, f := newFake(t, Config{})
	for err, want := range map[error]bool{
		stateError("26000"): true, stateError("42P05"): true, stateError("08P01"): false, stateError("42P01"): false,
		fmt.Errorf("unnamed prepared statement: %w", stateError("08P01")): true,
	} {
		f.answers(fails(err))
		_, got := s.Load(t.Context(), driver.ID{1})
		if !errors.Is(got, driver.ErrUnavailable) || !errors.Is(got, err) || strings.Contains(got.Error(), "default_query_exec_mode=exec") != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// TestNothingIsBelievedAfterTheEnd: some drivers report success or "no rows" when they stop because the context has
// ended.
func TestNothingIsBelievedAfterTheEnd(t *testing.T) {
	s, f := newFake(t, Config{})
	calls := map[string]func(ctx context.Context) error{
		"Load":   func(ctx context.Context) error { _, err := s.Load(ctx, driver.ID{1}); return err },
		"Create": func(ctx context.Context) error { return s.Create(ctx, &driver.Record{}) },
		"Update": func(ctx context.Context) error { return s.Update(ctx, &driver.Record{}) },
		"Touch":  func(ctx context.Context) error { return s.Touch(ctx, driver.ID{1}, 1, time.Now(), time.Now()) },
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, driver.ID{1}) },
		"Sweep":  func(ctx context.Context) error { _, err := s.Sweep(ctx, 10); return err },
		"All": func(ctx context.Context) (last error) {
			for _, last = range s.All(ctx) {
			}
			return last
		},
	}
	for name, call := range calls {
		for n := range int64(2) {
			ctx, cancel := context.WithCancel(t.Context())
			f.answers(func() (int64, error) { cancel(); return n, nil })
			err := call(ctx)
			if !errors.Is(err, driver.ErrUnavailable) || !errors.Is(err, context.Canceled) || errors.Is(err, driver.ErrNotFound) {
				t.Errorf("%s, %d rows: %v", name, n, err)
			}
		}
	}
}

func TestRolledBackIsTriedAgain(t *testing.T) {
	s, f := newFake(t, Config{})
	rec := &driver.Record{Version: 7}
	f.answers(fails(stateError("40001")), fails(&mysqlError{1213}), fails(codeError(5)), rows(1))
	if err := s.Update(t.Context(), rec); err != nil || rec.Version != 8 {
		t.Errorf("Update: %v, version %d", err, rec.Version)
	}

	f.answers(fails(codeError(5)))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := s.Update(ctx, rec)
	// The error names one cause if the deadline passes during an attempt, and the other if it passes between two.
	named := errors.Is(err, codeError(5)) || errors.Is(err, context.DeadlineExceeded)
	if took := time.Since(start); took > 2*time.Second || !errors.Is(err, driver.ErrUnavailable) || !named {
		t.Errorf("Update took %v: %v", took, err)
	}
	if len(f.calls) < 3 || s.breaker.Allow() != nil {
		t.Errorf("%d attempts; a busy database is not a dead one", len(f.calls))
	}
}

func TestRefusedIsNotTriedAgain(t *testing.T) {
	s, f := newFake(t, Config{})
	f.answers(fails(stateError("25006"))) // read-only
	err := s.Delete(t.Context(), driver.ID{1})
	if !errors.Is(err, driver.ErrUnavailable) || !errors.Is(err, stateError("25006")) || f.statements() != "DELETE" {
		t.Errorf("%v after %s", err, f.statements())
	}
}

// TestLostAnswers: what the store makes of a retry when the outcome of the first attempt is unknown.
func TestLostAnswers(t *testing.T) {
	now := time.UnixMicro(1) // the version that the fake's rows have
	s, f := newFake(t, Config{Now: func() time.Time { return now }})
	lost := fails(io.ErrUnexpectedEOF)
	check := func(what string, err, want error, statements string) {
		t.Helper()
		if !errors.Is(err, want) || (err == nil) != (want == nil) || f.statements() != statements {
			t.Errorf("%s: %v, want %v, after %q, want %q", what, err, want, f.statements(), statements)
		}
	}

	rec := &driver.Record{Version: 7}
	f.answers(lost, rows(1))
	check("Update that had not arrived", s.Update(t.Context(), rec), nil, "UPDATE UPDATE")
	f.answers(lost, rows(0), rows(1))
	check("Update that had arrived, or another's", s.Update(t.Context(), rec), driver.ErrUnavailable, "UPDATE UPDATE SELECT")
	f.answers(lost, rows(0), rows(0))
	check("Update that had arrived, or not, of a record that went", s.Update(t.Context(), rec), driver.ErrUnavailable, "UPDATE UPDATE SELECT")
	f.answers(rows(0), rows(0))
	check("Update of a record that went, nothing lost", s.Update(t.Context(), rec), driver.ErrNotFound, "UPDATE SELECT")
	f.answers(rows(0), rows(1))
	check("Update, nothing lost", s.Update(t.Context(), rec), driver.ErrConflict, "UPDATE SELECT")

	f.answers(lost, fails(errFakeTaken), rows(1))
	check("Create that had arrived", s.Create(t.Context(), rec), nil, "INSERT INSERT SELECT")
	if rec.Version != 1 {
		t.Errorf("version %d", rec.Version)
	}
	f.answers(fails(errFakeTaken), rows(1))
	check("Create, nothing lost", s.Create(t.Context(), rec), driver.ErrExists, "INSERT SELECT")
	now = time.UnixMicro(2)
	f.answers(lost, fails(errFakeTaken), rows(1))
	check("Create of another's ID", s.Create(t.Context(), rec), driver.ErrExists, "INSERT INSERT SELECT")

	f.answers(lost)
	check("Delete without end", s.Delete(t.Context(), driver.ID{}), driver.ErrUnavailable, "DELETE DELETE DELETE")
}

func TestCorruptID(t *testing.T) {
	s, f := newFake(t, Config{})
	f.answers(rows(1)) // its id is the number 1
	if _, err := s.Load(t.Context(), driver.ID{1}); !errors.Is(err, driver.ErrCorrupt) || errors.Is(err, driver.ErrUnavailable) {
		t.Error(err)
	}
}

// A deaf driver is one that ignores the context. If it panics, the panic reaches the caller's goroutine, where the
// caller can recover. In another goroutine it would end the process.
func TestPanicOfADeafDriver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer func() {
		if v := recover(); v != "in the driver" {
			t.Errorf("the caller got %v", v)
		}
	}()
	s := &Store{outlasts: true}
	err := s.call(ctx, func() error { panic("in the driver") })
	t.Errorf("no panic, and %v", err)
}

// A caller with a short deadline says nothing about the database. One who waited longer does, once a call that began
// after the first failure has failed, too.
func TestShortDeadlinesOpenNoBreaker(t *testing.T) {
	s, _ := newFake(t, Config{})
	interrupted := func(given time.Duration, begun time.Time) {
		ctx, cancel := context.WithDeadline(t.Context(), begun.Add(given))
		defer cancel()
		_ = s.interrupted(ctx, "load", begun, context.DeadlineExceeded, nil)
	}
	long := time.Now().Add(-time.Second)
	for range 20 {
		interrupted(10*time.Millisecond, long) // the machine was busy for a second
	}
	interrupted(10*time.Millisecond, time.Now())
	if err := s.breaker.Allow(); err != nil {
		t.Errorf("after short deadlines: %v", err)
	}
	for range 20 {
		interrupted(time.Second, long)
	}
	if err := s.breaker.Allow(); err != nil {
		t.Errorf("after one burst: %v", err)
	}
	interrupted(time.Second, time.Now())
	if s.breaker.Allow() == nil {
		t.Error("closed after the next call has failed, too")
	}
}
