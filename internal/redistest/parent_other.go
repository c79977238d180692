//go:build !linux

package redistest

import "syscall"

// dieWithParent has no counterpart here: only Main and t.Cleanup stop the server.
func dieWithParent() *syscall.SysProcAttr { return nil }
