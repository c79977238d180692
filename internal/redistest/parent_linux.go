package redistest

import "syscall"

// dieWithParent has the kernel kill the server when the test binary ends, by a panic or a time-out too, where no
// code of ours runs any more. The signal is tied to the thread that forked; Go ends a thread only when a goroutine
// locked to it ends, which no test of ours does.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
