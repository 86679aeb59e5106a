package main

import (
	"fmt"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/servers"
	"github.com/coatcheck-go/coatcheck/bench/speed"
)

func init() { suites["speed"] = runSpeed }

// runSpeed measures for 10 minutes, or for the duration in SPEED_TIME, "20s" for instance.
func runSpeed() error {
	total := 10 * time.Minute
	if text := os.Getenv("SPEED_TIME"); text != "" {
		var err error
		if total, err = time.ParseDuration(text); err != nil {
			return fmt.Errorf("SPEED_TIME: %w", err)
		}
	}
	set, notes, stop := servers.Start()
	defer stop()
	suite := speed.Run(speed.Config{Apps: peer.All, Open: set.Env, RoundTrips: set.RoundTrips, Time: total})
	suite.Command = "go run . speed"
	suite.Notes = append(append(suite.Notes, notes...),
		"file: coatcheck syncs each write to the disk, gorilla's store does not",
		"postgres: the server runs with fsync=off")
	speed.Print(os.Stdout, suite)
	return suite.Save()
}
