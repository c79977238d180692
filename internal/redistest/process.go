package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startTries = 5
	startBound = 20 * time.Second // for one start, with two busy cores in mind
	readyLine  = "Ready to accept connections"
)

// errExited means that the server ended before it was ready, most likely because its port was taken meanwhile.
var errExited = errors.New("redis-server ended before it was ready")

// Process is a real redis-server of one test.
type Process struct {
	Addr string // 127.0.0.1:port, the same after Restart
	PID  int    // of the process that runs now

	args  []string
	ready []string // lines of its log, in any order, after which it is ready
	dir   string
	port  string
	bus   string // the port for the nodes of a cluster among themselves
	conf  string // a configuration file, of a Sentinel
	cmd   *exec.Cmd

	paused bool
}

// StartServer starts a redis-server for this test alone, on a free port and in a folder of its own. It keeps
// nothing on disk unless args say so ("--appendonly", "yes"): args come last on its command line, so they win.
// With "--tls-port", "0" among args the server speaks TLS, and only TLS, at Addr.
func StartServer(t testing.TB, args ...string) *Process {
	t.Helper()
	return mustStart(t, &Process{args: args, ready: []string{readyLine}})
}

// mustStart starts a server for this test alone.
func mustStart(t testing.TB, p *Process) *Process {
	t.Helper()
	p.dir = t.TempDir()
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// Kill ends the server at once, as a crash would (SIGKILL), and returns when it is gone.
func (p *Process) Kill() { p.kill() }

// Restart kills the server if it runs and starts it again with the same address, folder and options.
func (p *Process) Restart(t testing.TB) {
	t.Helper()
	p.kill()
	if err := p.run(); err != nil {
		t.Fatal(err)
	}
}

// Pause stops the server without ending it, as when its machine is cut off: connections stay, and nothing answers.
func (p *Process) Pause(t testing.TB) {
	t.Helper()
	p.paused = true
	p.signal(t, syscall.SIGSTOP)
}

// Resume ends a Pause.
func (p *Process) Resume(t testing.TB) {
	t.Helper()
	p.paused = false
	p.signal(t, syscall.SIGCONT)
}

func (p *Process) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// answers reports whether the server was neither killed nor paused.
func (p *Process) answers() bool { return p.cmd != nil && !p.paused }

func (p *Process) kill() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.cmd, p.paused = nil, false
}

// start tries several ports: between choosing a free one and binding it another process may take it.
func (p *Process) start() (err error) {
	for range startTries {
		if p.port, err = freePort(); err != nil {
			return err
		}
		p.Addr = "127.0.0.1:" + p.port
		if err = p.run(); !errors.Is(err, errExited) {
			return err
		}
	}
	return err
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// run starts the server and waits until it is ready.
func (p *Process) run() error {
	log, err := p.spawn()
	if err != nil {
		return err
	}
	return p.await(log)
}

// spawn starts the server and returns its log.
func (p *Process) spawn() (*os.File, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redis-server is not installed: run `make test`, which installs it, or apt-get install redis-server")
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer write.Close()
	p.cmd = exec.Command(path, p.commandLine()...)
	p.cmd.Stdout, p.cmd.SysProcAttr = write, dieWithParent()
	if err := p.cmd.Start(); err != nil {
		p.cmd = nil
		return nil, errors.Join(err, read.Close())
	}
	p.PID = p.cmd.Process.Pid
	return read, nil
}

func (p *Process) commandLine() []string {
	if p.conf != "" {
		return []string{p.conf, "--sentinel", "--port", p.port}
	}
	line := []string{"--port", p.port, "--bind", "127.0.0.1", "--dir", p.dir, "--save", "", "--appendonly", "no", "--logfile", ""}
	line = append(line, p.args...)
	if slices.Contains(p.args, "--tls-port") {
		line = append(line, "--port", "0", "--tls-port", p.port)
	}
	return line
}

// await reads the server's own log until it says that it is ready. Unlike a PING this can not be answered by another
// server that took the port, and works with passwords and TLS. Nobody reads the log afterwards: redis-server does not
// mind, and there is no goroutine for goleak to find.
func (p *Process) await(log *os.File) error {
	defer log.Close()
	log.SetReadDeadline(time.Now().Add(startBound))
	missing, last := slices.Clone(p.ready), ""
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		last = lines.Text()
		if i := slices.IndexFunc(missing, func(part string) bool { return strings.Contains(last, part) }); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
		}
		if len(missing) == 0 {
			return nil
		}
	}
	p.kill()
	if err := lines.Err(); err != nil {
		return fmt.Errorf("redis-server is not ready after %v: %w (it said: %s)", startBound, err, last)
	}
	return fmt.Errorf("%w (it said: %s)", errExited, last)
}
