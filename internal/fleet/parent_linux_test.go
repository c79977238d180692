package fleet_test

import "syscall"

// dieWithParent has the kernel kill a process when the test binary ends, by a panic or a time-out too.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
