package gormstore

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/utils/tests"
)

// fake is a database whose answers the test decides. It shows what the store does with answers that real servers give
// once a year.
type fake struct {
	mu     sync.Mutex
	answer func(query string) (rows int64, err error) // how many rows were changed or found; each column of a row is 1
	calls  []string
	hold   func(word string) // runs before an answer, unlocked
}

func (f *fake) Connect(context.Context) (sqldriver.Conn, error) { return fakeConn{f}, nil }
func (f *fake) Driver() sqldriver.Driver                        { return nil }

func (f *fake) ask(query string) (int64, error) {
	word, _, _ := strings.Cut(query, " ")
	if f.hold != nil {
		f.hold(word)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, word)
	return f.answer(word)
}

type fakeConn struct{ *fake }

func (fakeConn) Prepare(string) (sqldriver.Stmt, error) { return nil, errors.New("not prepared") }
func (fakeConn) Close() error                           { return nil }
func (fakeConn) Begin() (sqldriver.Tx, error)           { return nil, errors.New("no transactions") }

func (c fakeConn) ExecContext(_ context.Context, query string, _ []sqldriver.NamedValue) (sqldriver.Result, error) {
	n, err := c.ask(query)
	return sqldriver.RowsAffected(n), err
}

func (c fakeConn) QueryContext(_ context.Context, query string, _ []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if strings.Contains(query, "1 = 0") { // New checks the table
		return &fakeRows{}, nil
	}
	n, err := c.ask(query)
	return &fakeRows{left: n, columns: strings.Count(query[:strings.Index(query, "FROM")], ",") + 1}, err
}

type fakeRows struct {
	left    int64
	columns int
}

func (r *fakeRows) Columns() []string { return make([]string, r.columns) }
func (r *fakeRows) Close() error      { return nil }

func (r *fakeRows) Next(dest []sqldriver.Value) error {
	if r.left--; r.left < 0 {
		return io.EOF
	}
	for i := range dest {
		dest[i] = int64(1)
	}
	return nil
}

// fakeDialect translates one error to "the key is taken".
type fakeDialect struct{ tests.DummyDialector }

var errFakeTaken = errors.New("taken")

func (fakeDialect) Translate(err error) error {
	if errors.Is(err, errFakeTaken) {
		return gorm.ErrDuplicatedKey
	}
	return err
}

func newFake(t *testing.T, config Config) (*Store, *fake) {
	t.Helper()
	f := new(fake)
	pool := sql.OpenDB(f)
	t.Cleanup(func() { pool.Close() })
	db, err := gorm.Open(fakeDialect{}, &gorm.Config{ConnPool: pool})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(db, config)
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}

// answers sets the answers to the next calls. The last one repeats.
func (f *fake) answers(list ...func() (int64, error)) {
	f.calls = nil
	f.answer = func(string) (int64, error) {
		now := list[0]
		if len(list) > 1 {
			list = list[1:]
		}
		return now()
	}
}

func rows(n int64) func() (int64, error)    { return func() (int64, error) { return n, nil } }
func fails(err error) func() (int64, error) { return func() (int64, error) { return 0, err } }
func (f *fake) statements() string          { return strings.Join(f.calls, " ") }
