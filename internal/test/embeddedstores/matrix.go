package embeddedstores

import (
	"os"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// CheckMatrix fails unless the table in the file at path has storetest.ReportHead and, for each harness, the row of
// storetest.Report.
func CheckMatrix(t *testing.T, path string, harnesses ...storetest.Harness) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := storetest.ReportHead()
	for _, h := range harnesses {
		rows += storetest.Report(t, h)
	}
	for row := range strings.Lines(rows) {
		if !strings.Contains(string(text), row) {
			t.Errorf("stores/README.md lacks this row:\n%s", row)
		}
	}
}
