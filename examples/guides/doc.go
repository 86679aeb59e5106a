// Package guides holds the code of the guides under docs/, as Examples that run. A guide's Go blocks are parts of these
// files: TestGoBlocksAreReal in internal/test/repocheck compares them.
package guides
