package gormstore

import (
	"bytes"
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"
)

// errIndirect says that the driver must be called through database/sql.
var errIndirect = errors.New("gormstore: not a driver for direct reads")

// direct reads one row from the driver itself, on a connection of the pool. database/sql would start a goroutine that
// waits for the context's end, and would convert each column by reflection. The driver watches the context, too. A
// driver that cannot do this, and a connection that turns out to be dead, are left to database/sql, which looks for
// another.
func (s *Store) direct(ctx context.Context, query string, args, dest []any) error {
	conn, err := s.pool.Conn(ctx)
	if err != nil {
		return err
	}
	err = conn.Raw(func(c any) error {
		queryer, ok := c.(sqldriver.QueryerContext)
		if !ok {
			return errIndirect
		}
		return readRow(ctx, queryer, query, args, dest)
	})
	_ = conn.Close() // before another is asked for: the pool may have only one
	if errors.Is(err, errIndirect) || errors.Is(err, sqldriver.ErrSkip) || errors.Is(err, sqldriver.ErrBadConn) {
		return s.pool.QueryRowContext(ctx, query, args...).Scan(dest...)
	}
	return err
}

func readRow(ctx context.Context, q sqldriver.QueryerContext, query string, args, dest []any) (err error) {
	named := make([]sqldriver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = sqldriver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	rows, err := q.QueryContext(ctx, query, named)
	if err != nil {
		return err
	}
	defer func() {
		if failed := rows.Close(); err == nil || failed != nil {
			err = failed
		}
	}()
	values := make([]sqldriver.Value, len(dest))
	if err := rows.Next(values); err == io.EOF {
		return sql.ErrNoRows
	} else if err != nil {
		return err
	}
	for i, v := range values {
		if err := assign(dest[i], v); err != nil {
			return err
		}
	}
	return nil
}

// assign copies what the driver may use again.
func assign(dest any, v sqldriver.Value) error {
	ok := false
	switch dest := dest.(type) {
	case *int64:
		*dest, ok = v.(int64)
	case *[]byte:
		if v, is := v.([]byte); is {
			*dest, ok = bytes.Clone(v), true
		}
	case *string:
		switch v := v.(type) {
		case string:
			*dest, ok = v, true
		case []byte:
			*dest, ok = string(v), true
		}
	case sql.Scanner:
		return dest.Scan(v)
	}
	if !ok {
		return errIndirect
	}
	return nil
}
