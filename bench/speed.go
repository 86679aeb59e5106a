package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/servers"
	"github.com/coatcheck-go/coatcheck/bench/speed"
)

func init() { suites["speed"] = runSpeed }

// runSpeed measures for 10 minutes, or for the duration in SPEED_TIME, "20s" for instance, and only the stores in
// SPEED_STORES, "memory cookie" for instance. What it has measured in part, it does not save for the page.
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
	apps := peer.All
	stores := strings.Fields(os.Getenv("SPEED_STORES"))
	if len(stores) > 0 {
		apps = slices.DeleteFunc(slices.Clone(apps), func(a peer.App) bool { return a.Store != "" && !slices.Contains(stores, a.Store) })
	}
	suite := speed.Run(speed.Config{Apps: apps, Open: set.Env, RoundTrips: set.RoundTrips, Time: total})
	suite.Command = "go run . speed"
	suite.Notes = append(append(suite.Notes, notes...),
		"file: coatcheck syncs each write to the disk, unless the row says sync=ends; gorilla's store does not",
		"postgres: the server runs with fsync=off", set.Versions())
	speed.Print(os.Stdout, suite)
	if len(stores) > 0 {
		return nil
	}
	return suite.Save()
}
