package load

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/bench/peer"
)

func TestSharesAreOfTheSameFrameworkAndCase(t *testing.T) {
	runs := []*run{
		{app: peer.App{Framework: "gin"}, name: "C", perSecond: []float64{900, 1000, 5000}},
		{app: peer.App{Framework: "gin"}, name: "D", perSecond: []float64{400}},
		{app: peer.App{Framework: "echo"}, name: "C", perSecond: []float64{1}},
		{app: peer.App{Library: "coatcheck", Framework: "gin", Store: "memory"}, name: "C", perSecond: []float64{850, 100, 900}},
	}
	got := rows(runs)
	if m := got[3].Metrics; m["per_second"] != 850 || m["of_bare"] != .85 {
		t.Errorf("%v", m)
	}
	if _, ok := got[0].Metrics["of_bare"]; ok {
		t.Error("the bare framework is compared with itself")
	}
}

func TestFigureOfWrk(t *testing.T) {
	out := "Running 2s test @ http://127.0.0.1:1/read\n  2 threads and 32 connections\nRequests/sec:  51234.56\nTransfer/sec:      6.30MB\n"
	if found := perSecond.FindStringSubmatch(out); found == nil || found[1] != "51234.56" {
		t.Errorf("%q", found)
	}
}
