package main

import (
	"fmt"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/servers"
	"github.com/coatcheck-go/coatcheck/bench/signin"
)

func init() { suites["signin"] = runSignin }

func runSignin() error {
	set, notes, stop := servers.Start()
	defer stop()
	places, remove, err := set.Places()
	if err != nil {
		return err
	}
	defer remove()
	suite, err := signin.Run(signin.Config{
		Places: places, Rate: 1000, Time: time.Minute,
		Progress: func(line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		return err
	}
	suite.Command = "go run . signin"
	suite.Notes = append(append(suite.Notes, notes...), set.Versions())
	signin.Print(os.Stdout, suite)
	return suite.Save()
}
