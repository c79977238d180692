//go:build unobserved

package app

const observed = false
