package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/coatcheck-go/coatcheck/bench/scale"
	"github.com/coatcheck-go/coatcheck/bench/servers"
)

func init() { suites["scale"] = runScale }

// runScale puts the files into SCALE_DIR, or into the memory of the machine if that is a folder: a million
// synced files take a quarter of an hour on a disk.
func runScale() error {
	dir, err := os.MkdirTemp(scaleDir(), "coatcheck-scale-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stopped
		os.RemoveAll(dir) // it may be gigabytes of memory
		os.Exit(1)
	}()
	set, notes, stop := servers.Start()
	defer stop()
	suite, err := scale.Run(scale.Config{
		Sizes: []int{1_000, 10_000, 100_000, 1_000_000}, Dir: dir, Servers: set.Places,
		Progress: func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		return err
	}
	suite.Command = "go run . scale"
	suite.Notes = append(append(suite.Notes, notes...), set.Versions())
	scale.Print(os.Stdout, suite)
	return suite.Save()
}

func scaleDir() string {
	if dir := os.Getenv("SCALE_DIR"); dir != "" {
		return dir
	}
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}
