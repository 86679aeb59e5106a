package main

import (
	"fmt"
	"os"

	"github.com/coatcheck-go/coatcheck/bench/scale"
)

func init() { suites["scale"] = runScale }

// runScale puts the files where SCALE_DIR says, or in the memory of the machine if that is a folder: a million
// synced files take a quarter of an hour on a disk.
func runScale() error {
	dir := os.Getenv("SCALE_DIR")
	if dir == "" {
		dir = os.TempDir()
		if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
			dir = "/dev/shm"
		}
	}
	suite, err := scale.Run(scale.Config{
		Sizes: []int{1_000, 10_000, 100_000, 1_000_000}, Dir: dir,
		Progress: func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		return err
	}
	suite.Command = "go run . scale"
	scale.Print(os.Stdout, suite)
	return suite.Save()
}
