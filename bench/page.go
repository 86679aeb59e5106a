package main

import (
	"path/filepath"

	"github.com/coatcheck-go/coatcheck/bench/report"
)

func init() { suites["page"] = runPage }

func runPage() error {
	s, err := report.Load()
	if err != nil {
		return err
	}
	return report.Write(filepath.Join("..", "docs"), s)
}
