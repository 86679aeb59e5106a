package gormstore

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"testing"
)

// reader is a driver that answers a read by one row, and reuses the row's bytes when the rows are closed. It counts how
// often it was asked.
type reader struct {
	values []sqldriver.Value
	fail   error // of the first read
	closed error // of Rows.Close
	asked  int
}

func (r *reader) Connect(context.Context) (sqldriver.Conn, error) { return readerConn{r}, nil }
func (r *reader) Driver() sqldriver.Driver                        { return nil }

type readerConn struct{ *reader }

func (readerConn) Prepare(string) (sqldriver.Stmt, error) { return nil, errors.New("not prepared") }
func (readerConn) Close() error                           { return nil }
func (readerConn) Begin() (sqldriver.Tx, error)           { return nil, errors.New("no transactions") }

func (r readerConn) QueryContext(context.Context, string, []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if r.asked++; r.asked == 1 && r.fail != nil {
		return nil, r.fail
	}
	return &readerRows{reader: r.reader}, nil
}

type readerRows struct {
	*reader
	read bool
}

func (r *readerRows) Columns() []string { return make([]string, max(1, len(r.values))) }

func (r *readerRows) Close() error {
	for _, v := range r.values {
		if b, ok := v.([]byte); ok {
			clear(b)
		}
	}
	return r.closed
}

func (r *readerRows) Next(dest []sqldriver.Value) error {
	if r.read || len(r.values) == 0 {
		return io.EOF
	}
	r.read = true
	copy(dest, r.values)
	return nil
}

func TestDirect(t *testing.T) {
	lost := errors.New("lost")
	for name, c := range map[string]struct {
		driver reader
		want   error
		asked  int
	}{
		"a row":                         {reader{}, nil, 1},
		"no row":                        {reader{values: []sqldriver.Value{}}, sql.ErrNoRows, 1},
		"an error":                      {reader{fail: lost}, lost, 1},
		"an error after the row":        {reader{closed: lost}, lost, 1},
		"a dead connection":             {reader{fail: sqldriver.ErrBadConn}, nil, 2},
		"a driver that skips the query": {reader{fail: sqldriver.ErrSkip}, nil, 2},
		"a value of another type":       {reader{values: []sqldriver.Value{"7", "text", "bytes", "data"}}, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if c.driver.values == nil {
				c.driver.values = []sqldriver.Value{int64(7), "text", []byte("bytes"), []byte("data")}
			}
			pool := sql.OpenDB(&c.driver)
			defer pool.Close()
			pool.SetMaxOpenConns(1) // database/sql must not wait for the connection that it gets next
			var n int64
			var text, bytes string
			var data []byte
			s := &Store{pool: pool}
			err := s.direct(t.Context(), "SELECT", nil, []any{&n, &text, &bytes, &data})
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if c.driver.asked != c.asked {
				t.Errorf("the driver was asked %d times, want %d", c.driver.asked, c.asked)
			}
			if err == nil && (n != 7 || text != "text" || bytes != "bytes" || string(data) != "data") {
				t.Errorf("read %d, %q, %q and %q", n, text, bytes, data)
			}
		})
	}
}
