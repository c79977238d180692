package bench

import "syscall"

// dieWithParent has the kernel kill a process of the benchmark when the benchmark itself ends, however it does.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
