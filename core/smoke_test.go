package core_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const visits core.Key[int] = "visits"
const name core.Key[string] = "name"

func TestSmoke(t *testing.T) {
	m, err := core.New(core.Config{Store: memstore.New(memstore.Config{}), Cookie: core.Cookie{}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx := context.Background()
	x := m.Begin(ctx, nil)
	s, err := x.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	visits.Set(s, 1)
	out, err := x.Commit(ctx, 200)
	t.Log(out, err)
	x.Finish(ctx)
	if err := visits.Set(s, 3); err != core.ErrClosed {
		t.Fatal(err)
	}
	cookie := out.Value[:len("__Host-session=")+43]
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			x := m.Begin(ctx, []string{cookie})
			s, err := x.Session(ctx)
			if err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Millisecond)
			visits.Update(s, func(n int) int { return n + 1 })
			if _, err := x.Commit(ctx, 200); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	x = m.Begin(ctx, []string{cookie})
	s, _ = x.Session(ctx)
	n, err := visits.Get(s)
	t.Log(n, err, s)
	if n != 65 {
		t.Fatal(n)
	}
}
