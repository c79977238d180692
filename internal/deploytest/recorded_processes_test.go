//go:build alerts

package deploytest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a running program, which ends with the test at the latest. It can be started again.
type process struct {
	t      *testing.T
	name   string
	env    []string
	args   []string
	cmd    *exec.Cmd
	log    string
	exited chan struct{}
}

func spawn(t *testing.T, dir, name string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, env: env, args: args, log: filepath.Join(dir, name+".log")}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s:\n%s", p.name, p.tail())
		}
	})
	p.start()
	return p
}

// start starts it, again if need be, and its log goes on.
func (p *process) start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	p.cmd, p.exited = exec.Command(p.args[0], p.args[1:]...), make(chan struct{})
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait() // most are killed
		close(exited)
	}(p.cmd, p.exited)
}

// kill ends it as a crash would.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

// stop asks it to end, and waits until it has.
func (p *process) stop() {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(40 * time.Second):
		p.t.Fatalf("%s did not end", p.name)
	}
}

func (p *process) signal(s syscall.Signal) { p.cmd.Process.Signal(s) }

func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "msg=attempt") && !strings.Contains(line, "msg=email") && !strings.Contains(line, "msg=request") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[max(0, len(kept)-30):], "")
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// eventually asks again and again until f is content.
func eventually(most time.Duration, f func() error) (err error) {
	for end := time.Now().Add(most); ; time.Sleep(100 * time.Millisecond) {
		if err = f(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

func (s *system) await(what string, f func() error) {
	s.t.Helper()
	if err := eventually(time.Minute, f); err != nil {
		s.t.Fatal(fmt.Errorf("waited in vain for %s: %w", what, err))
	}
}
