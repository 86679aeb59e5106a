package moving_test

import (
	"os"
	"strings"
	"testing"
)

// wantLine fails unless a page of docs/moving/ has the line.
func wantLine(t *testing.T, page, line string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/moving/" + page)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains("\n"+string(text), "\n"+line+"\n") {
		t.Errorf("docs/moving/%s has no line\n%s", page, line)
	}
}
