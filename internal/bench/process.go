package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// command is how a process is started.
type command struct {
	path string
	args []string
	env  []string // beside the environment
}

// process is a process that is measured. It ends with ours.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    string // file with what it said
	exited chan struct{}
	err    error // how it ended; valid then
}

// start runs a command. What it writes goes to a file of the folder, but its standard output to out if that is not nil.
func start(dir, name string, c command, in io.Reader, out io.Writer) (*process, error) {
	log, err := os.CreateTemp(dir, name+"-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &process{name: name, cmd: exec.Command(c.path, c.args...), log: log.Name(), exited: make(chan struct{})}
	p.cmd.Env = append(environment(), c.env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, log, log
	if out != nil {
		p.cmd.Stdout = out
	}
	p.cmd.SysProcAttr = dieWithParent()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// environment is ours without settings of hpplink, which a benchmark sets itself. Those of its log may be given.
func environment() (env []string) {
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "HPPLINK_") || strings.HasPrefix(variable, "HPPLINK_LOG") {
			env = append(env, variable)
		}
	}
	return env
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// gone returns an error once the process has ended, whatever its end was: nobody had asked it to.
func (p *process) gone() error {
	select {
	case <-p.exited:
		return fmt.Errorf("%s ended by itself (%v); it said:\n%s", p.name, p.err, tail(p.log))
	default:
		return nil
	}
}

// wait returns once the process has ended by itself, with an error if it did not end well.
func (p *process) wait() error {
	<-p.exited
	if p.err != nil {
		return fmt.Errorf("%s: %w; it said:\n%s", p.name, p.err, tail(p.log))
	}
	return nil
}

// stopBound is how long a process may take to end after SIGTERM: longer than a worker's longest call.
const stopBound = 40 * time.Second

// stop asks the process to end, and waits until it has.
func (p *process) stop() error {
	if err := p.gone(); err != nil {
		return err
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		if p.err != nil {
			return fmt.Errorf("%s, after SIGTERM: %w; it said:\n%s", p.name, p.err, tail(p.log))
		}
		return nil
	case <-time.After(stopBound):
		p.kill()
		return errors.New(p.name + " did not end on SIGTERM")
	}
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

const tailBytes = 2000

func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return filepath.Base(path) + " can not be read"
	}
	return string(bytes.ToValidUTF8(b[max(0, len(b)-tailBytes):], []byte("?")))
}
