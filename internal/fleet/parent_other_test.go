//go:build !linux

package fleet_test

import "syscall"

// dieWithParent has no counterpart here: only t.Cleanup ends processes.
func dieWithParent() *syscall.SysProcAttr { return nil }
