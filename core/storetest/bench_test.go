package storetest

import (
	"testing"
)

func BenchmarkModel(b *testing.B) { Bench(b, modelHarness(NewClock(), unchangedModel)) }
