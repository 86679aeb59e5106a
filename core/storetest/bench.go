package storetest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

const (
	benchData    = 261  // bytes of Data: a session with five values, as JSON
	benchRecords = 1024 // records in the storage, a power of two
)

// Bench measures a store in the same way as all others. The storage has 1,024 records with 261 bytes of Data each; one
// in four has a Subject. There is one caller. LoadParallel has GOMAXPROCS callers on one handle.
func Bench(b *testing.B, h Harness) {
	for _, c := range []struct {
		name string
		run  func(b *testing.B, e *env, recs []*driver.Record)
	}{
		{"Load", benchLoad}, {"LoadAbsent", benchLoadAbsent}, {"LoadParallel", benchLoadParallel},
		{"Create", benchCreate}, {"Update", benchUpdate}, {"Touch", benchTouch}, {"Delete", benchDelete},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := newEnv(b, h)
			recs := e.newRecords()
			e.createAll(recs)
			b.ReportAllocs()
			b.ResetTimer()
			c.run(b, e, recs)
		})
	}
}

// newRecords returns records that are not stored yet.
func (e *env) newRecords() []*driver.Record {
	recs := make([]*driver.Record, benchRecords)
	for i := range recs {
		recs[i] = e.newRecord(long)
		recs[i].Data = randomBytes(benchData)
		if i%4 != 0 {
			recs[i].Subject = ""
		}
	}
	return recs
}

func (e *env) createAll(recs []*driver.Record) {
	for _, rec := range recs {
		e.ok(e.a.Create(e.ctx, rec), "Create")
	}
}

func (e *env) deleteAll(recs []*driver.Record) {
	for _, rec := range recs {
		e.ok(e.a.Delete(e.ctx, rec.ID), "Delete")
	}
}

func benchLoad(b *testing.B, e *env, recs []*driver.Record) {
	for i := 0; b.Loop(); i++ {
		if _, err := e.a.Load(e.ctx, recs[i%benchRecords].ID); err != nil {
			b.Fatal(err)
		}
	}
}

func benchLoadAbsent(b *testing.B, e *env, _ []*driver.Record) {
	absent := e.newRecords()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		if _, err := e.a.Load(e.ctx, absent[i%benchRecords].ID); err == nil {
			b.Fatal("found")
		}
	}
}

func benchLoadParallel(b *testing.B, e *env, recs []*driver.Record) {
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.IntN(benchRecords); pb.Next(); i++ {
			if _, err := e.a.Load(e.ctx, recs[i%benchRecords].ID); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func benchCreate(b *testing.B, e *env, _ []*driver.Record) {
	recs := e.newRecords()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		if i > 0 && i%benchRecords == 0 {
			b.StopTimer()
			e.deleteAll(recs)
			b.StartTimer()
		}
		if err := e.a.Create(e.ctx, recs[i%benchRecords]); err != nil {
			b.Fatal(err)
		}
	}
}

func benchUpdate(b *testing.B, e *env, recs []*driver.Record) {
	other := randomBytes(benchData)
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		rec := recs[i%benchRecords]
		rec.Data, other = other, rec.Data
		if err := e.a.Update(e.ctx, rec); err != nil {
			b.Fatal(err)
		}
	}
}

func benchTouch(b *testing.B, e *env, recs []*driver.Record) {
	start := e.after(2 * long)
	for i := 0; b.Loop(); i++ {
		at := start.Add(time.Duration(i) * time.Millisecond)
		if err := e.a.Touch(e.ctx, recs[i%benchRecords].ID, recs[i%benchRecords].Version, at, at); err != nil {
			b.Fatal(err)
		}
	}
}

func benchDelete(b *testing.B, e *env, recs []*driver.Record) {
	for i := 0; b.Loop(); i++ {
		if i > 0 && i%benchRecords == 0 {
			b.StopTimer()
			e.createAll(recs)
			b.StartTimer()
		}
		if err := e.a.Delete(e.ctx, recs[i%benchRecords].ID); err != nil {
			b.Fatal(err)
		}
	}
}
