// Package result holds what the suites of the comparison measured, as rows in one file for each
// suite: results/speed.json, results/correct.json, ... The page is made of these files.
package result

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// Dir is where the files are, relative to the module.
const Dir = "results"

// A Suite is one run of one suite.
type Suite struct {
	Name    string    `json:"name"` // "speed"
	Command string    `json:"command"`
	Machine string    `json:"machine"` // CPU, cores, kernel, Go version
	Time    time.Time `json:"time"`
	Rows    []Row     `json:"rows"`
	Notes   []string  `json:"notes,omitempty"` // what was not measured, and why
}

// A Row is one library on one framework over one store in one case.
type Row struct {
	Library   string             `json:"library"` // "" is the bare framework
	Version   string             `json:"version,omitempty"`
	Framework string             `json:"framework"`
	Store     string             `json:"store,omitempty"`
	Case      string             `json:"case"`
	Metrics   map[string]float64 `json:"metrics,omitempty"` // "own_p10_ns": 142
	Text      map[string]string  `json:"text,omitempty"`    // verdicts: "kept": "64 of 64"
}

// Save writes results/NAME.json.
func (s *Suite) Save() error {
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(Dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(Dir, s.Name+".json"), append(data, '\n'), 0o644)
}

// Load reads results/NAME.json. The error is fs.ErrNotExist if the suite has not been run.
func Load(name string) (*Suite, error) {
	data, err := os.ReadFile(filepath.Join(Dir, name+".json"))
	if err != nil {
		return nil, err
	}
	s := &Suite{}
	return s, json.Unmarshal(data, s)
}
