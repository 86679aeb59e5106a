package load

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/bench/peer"
)

func TestSharesAreOfTheSameFrameworkAndCase(t *testing.T) {
	runs := []*run{
		{app: peer.App{Framework: "gin"}, name: "C", perSecond: []float64{900, 1000, 5000}},
		{app: peer.App{Framework: "gin"}, name: "D"},
		{app: peer.App{Framework: "echo"}, name: "C"},
		{app: peer.App{Library: "coatcheck", Framework: "gin", Store: "memory"}, name: "C", perSecond: []float64{850, 100, 900}, ofBare: []float64{.9, .1, .8}},
	}
	if bareOf(runs, runs[3]) != runs[0] || bareOf(runs, runs[0]) != nil {
		t.Error("compared with another framework or case")
	}
	got := rows([]*run{runs[0], runs[3]})
	if m := got[1].Metrics; m["per_second"] != 850 || m["of_bare"] != .8 {
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
