package gormstore

import (
	"context"
	"sync/atomic"
)

// queue gives a writer its turn that others have passed too often. SQLite lets one write at a time and has no queue: who
// waits looks again after a pause, and under load hundreds of others come first, until the writer's deadline has passed.
// As long as nobody was refused there is no queue, which would cost throughput: each turn would wake another goroutine.
// While somebody who was refused waits, all writers that come go one at a time, in order. Other processes, and other
// pools of this one, are not in this queue.
type queue struct {
	turn    chan struct{} // holds one while somebody writes in turn; nil: the database has a queue of its own
	refused atomic.Int32  // writers in the queue that the database has refused before
}

// enter returns when it is the caller's turn. again says that the database has refused this call before.
func (q *queue) enter(ctx context.Context, again bool) (leave func(), err error) {
	if q.turn == nil || !again && q.refused.Load() == 0 {
		return func() {}, nil
	}
	if again {
		q.refused.Add(1)
		defer func() {
			if err != nil {
				q.refused.Add(-1)
			}
		}()
	}
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return func() {
		<-q.turn
		if again {
			q.refused.Add(-1)
		}
	}, nil
}
