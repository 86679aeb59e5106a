package storetest

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	row := Report(t, modelHarness(NewClock(), unchangedModel))
	const want = "| model | yes | yes | yes | yes | yes | yes | yes | yes | yes | yes | yes | yes | yes | yes | all servers | 65536 bytes |\n"
	if row != want {
		t.Errorf("Report is %q, want %q", row, want)
	}
	if head := ReportHead(); strings.Count(head, "|") != 2*strings.Count(row, "|") {
		t.Errorf("head and row differ in columns: %q", head)
	}
}
