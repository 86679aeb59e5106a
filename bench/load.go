package main

import (
	"fmt"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/load"
	"github.com/coatcheck-go/coatcheck/bench/peer"
)

func init() {
	suites["load"] = runLoad
	suites["serve"] = load.Serve
}

func runLoad() error {
	suite, err := load.Run(load.Config{Apps: peer.All, Each: time.Second, Progress: func(line string) { fmt.Fprintln(os.Stderr, line) }})
	if err != nil {
		return err
	}
	suite.Command = "go run . load"
	load.Print(os.Stdout, suite)
	return suite.Save()
}
