package breaker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errDown = errors.New("connection refused")

func TestOpensAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(3, time.Second)
		fail := func() { b.Failure(time.Now(), errDown) }

		// Failures with a success between them are not in a row.
		fail()
		fail()
		b.Success()
		fail()
		fail()
		if err := b.Allow(); err != nil {
			t.Fatalf("open too early: %v", err)
		}

		// The third failure in a row opens the breaker, and the error names the cause.
		fail()
		var open *OpenError
		if err := b.Allow(); !errors.As(err, &open) || !errors.Is(err, errDown) {
			t.Fatalf("after three failures: %v", err)
		}

		// One call passes in every interval, whether or not the call before has ended.
		for range 3 {
			time.Sleep(time.Second)
			if err := b.Allow(); err != nil {
				t.Fatalf("no call after the interval: %v", err)
			}
			if b.Allow() == nil {
				t.Fatal("a second call in the same interval")
			}
		}
		fail()
		if b.Allow() == nil {
			t.Fatal("a failure closed it")
		}

		// The first success closes the breaker, and the count starts again.
		b.Success()
		fail()
		fail()
		if err := b.Allow(); err != nil {
			t.Fatalf("after a success: %v", err)
		}
	})
}

// When a machine is busy for a moment, all calls in flight fail together. However many they are, they prove no more than
// one failure. The next call shows whether the server answers.
func TestOneBurstIsNoDeadServer(t *testing.T) {
	for _, dead := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := New(0, 0)
			first := time.Now()
			time.Sleep(500 * time.Millisecond)
			for range 100 {
				b.Failure(first, errDown)
				time.Sleep(5 * time.Millisecond) // they do not all fail at the same moment
			}
			if err := b.Allow(); err != nil {
				t.Fatalf("open after one burst: %v", err)
			}
			if dead {
				b.Failure(time.Now(), errDown)
				if b.Allow() == nil {
					t.Fatal("closed after the next call failed, too")
				}
				return
			}
			b.Success()
			for range Failures {
				if err := b.Allow(); err != nil {
					t.Fatalf("open after a success: %v", err)
				}
				b.Failure(first, errDown)
			}
		})
	}
}

func TestOneOfManyPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(0, 10*time.Millisecond)
		for range Failures {
			b.Failure(time.Now(), errDown)
		}
		time.Sleep(20 * time.Millisecond)
		var passed atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if b.Allow() == nil {
					passed.Add(1)
				}
			})
		}
		wg.Wait()
		if n := passed.Load(); n != 1 {
			t.Errorf("%d calls passed", n)
		}
	})
}

func BenchmarkClosed(b *testing.B) {
	br := New(0, 0)
	for b.Loop() {
		if br.Allow() == nil {
			br.Success()
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	br := New(0, time.Hour)
	for range Failures {
		br.Failure(time.Now(), errDown)
	}
	for b.Loop() {
		_ = br.Allow()
	}
}

// What counts is the deadline that the caller set, and not the time that a busy machine let pass after it.
func TestHadTime(t *testing.T) {
	begun := time.Now().Add(-time.Hour)
	for given, want := range map[time.Duration]bool{TooShort - 1: false, TooShort: true, time.Minute: true, -time.Second: false} {
		ctx, cancel := context.WithDeadline(t.Context(), begun.Add(given))
		if HadTime(ctx, begun) != want {
			t.Errorf("with %v: %t", given, !want)
		}
		cancel()
	}
	if HadTime(t.Context(), begun) {
		t.Error("without a deadline none has passed")
	}
}
