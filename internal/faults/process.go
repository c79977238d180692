//go:build faults

package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a running hpplink. It ends with the test, whatever happens.
type process struct {
	cmd    *exec.Cmd
	log    string        // file with all that it printed
	exited chan struct{} // closed once it is gone
	err    error         // how it ended; valid then
}

// program is the binary under test, built by TestMain.
var program string

func spawn(t *testing.T, name string, env []string, args ...string) *process {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), name+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := &process{cmd: exec.Command(binary(t, env), args...), log: log.Name(), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(p.log), tail(p.log))
		}
	})
	return p
}

// kill ends it as a crash would.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

func (p *process) signal(s syscall.Signal) { p.cmd.Process.Signal(s) }

// killed reports whether a SIGKILL ended it.
func (p *process) killed() bool {
	select {
	case <-p.exited:
	default:
		return false
	}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// terminate asks it to end, and returns how long that took, or an error if it did not end well
// within the limit.
func (p *process) terminate(limit time.Duration) (time.Duration, error) {
	begun := time.Now()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		if p.err != nil {
			return time.Since(begun), fmt.Errorf("after SIGTERM: %w", p.err)
		}
		return time.Since(begun), nil
	case <-time.After(limit):
		p.kill()
		return limit, fmt.Errorf("still there %v after SIGTERM", limit)
	}
}

const tailBytes = 3000

func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	text := string(b[max(0, len(b)-tailBytes):])
	return strings.ToValidUTF8(text, "?")
}
