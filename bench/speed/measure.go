package speed

import (
	"runtime"
	"sync"
	"time"
)

// timed runs a batch and returns ns for each request.
func (j *job) timed() float64 {
	j.made += batch + 2
	if len(j.callers) > 1 {
		return j.parallel()
	}
	call := j.callers[0].Call
	call() // what ran before has left nothing of ours in the processor's caches
	call()
	start := time.Now()
	for range batch {
		call()
	}
	return float64(time.Since(start).Nanoseconds()) / batch
}

// parallel is timed with a batch on every goroutine at once.
func (j *job) parallel() float64 {
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for _, c := range j.callers {
		ready.Add(1)
		done.Go(func() {
			c.Call()
			c.Call()
			ready.Done()
			<-begin
			for range batch {
				c.Call()
			}
		})
	}
	ready.Wait()
	start := time.Now()
	close(begin)
	done.Wait()
	return float64(time.Since(start).Nanoseconds()) / batch
}

// countAllocs sets bytes and allocs to those of one request: of three counts the lowest, since
// others in the process allocate as well.
func (j *job) countAllocs() {
	const n = 100
	var before, after runtime.MemStats
	call := j.callers[0].Call
	for i := range 3 {
		call()
		runtime.ReadMemStats(&before)
		for range n {
			call()
		}
		runtime.ReadMemStats(&after)
		j.made += n + 1
		bytes, allocs := float64(after.TotalAlloc-before.TotalAlloc)/n, float64(after.Mallocs-before.Mallocs)/n
		if i == 0 || allocs < j.allocs {
			j.bytes, j.allocs = bytes, allocs
		}
	}
}
