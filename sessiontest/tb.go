package sessiontest

import "fmt"

// ExampleTB is a TB for Example functions, which get no *testing.T. It prints errors. Fatalf panics, and what Cleanup is
// given does not run.
type ExampleTB struct{}

// Helper implements TB.
func (ExampleTB) Helper() {}

// Cleanup implements TB.
func (ExampleTB) Cleanup(func()) {}

// Errorf implements TB.
func (ExampleTB) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// Fatalf implements TB.
func (ExampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
