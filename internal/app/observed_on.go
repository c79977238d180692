//go:build !unobserved

package app

// observed says whether what happens is counted. Built with the tag "unobserved" it is not, so that the cost of counting can be
// measured: /metrics then has zeros where this process would count.
const observed = true
