// Command bench compares coatcheck with the session libraries that Go teams use today.
//
//	go run . speed      own cost of each request case, in one process
//	go run . correct    what gets lost when requests overlap
//	go run . load       throughput over loopback HTTP, with wrk
//	go run . scale      stores from 1 k to 1 M sessions
//	go run . signin     1,000 sign-ins a second on each store
//	go run . page       writes ../docs/benchmarks.md and its charts from results/*.json
package main

import (
	"fmt"
	"os"
)

// suites are the subcommands; each file of a suite appends in init.
var suites = map[string]func() error{}

func main() {
	if len(os.Args) != 2 || suites[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go run . speed|correct|load|scale|signin|page")
		os.Exit(2)
	}
	if err := suites[os.Args[1]](); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
