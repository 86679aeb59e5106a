package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/coatcheck-go/coatcheck/bench/correct"
	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/servers"
)

func init() { suites["correct"] = runCorrect }

func runCorrect() error {
	set, notes, stop := servers.Start()
	defer stop()
	log.SetOutput(io.Discard) // libraries log the failures that are made here
	suite := correct.Run(correct.Config{Apps: peer.All, Servers: set, Progress: func(line string) { fmt.Fprintln(os.Stderr, line) }})
	suite.Command = "go run . correct"
	suite.Notes = append(append(notes, suite.Notes...), set.Versions())
	correct.Print(os.Stdout, suite)
	return suite.Save()
}
