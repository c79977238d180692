//go:build !race

package api_test

// slower is by how much a test binary with the race detector may be slower; this is one without.
const slower = 1
