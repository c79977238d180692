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

	args []string
	dir  string
	port string
	cmd  *exec.Cmd
}

// StartServer starts a redis-server for this test alone, on a free port and in a folder of its own. It keeps
// nothing on disk unless args say so ("--appendonly", "yes"): args come last on its command line, so they win.
// With "--tls-port", "0" among args the server speaks TLS, and only TLS, at Addr.
func StartServer(t testing.TB, args ...string) *Process {
	t.Helper()
	p, err := start(t.TempDir(), args)
	if err != nil {
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

func (p *Process) kill() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.cmd = nil
}

// start tries several ports: between choosing a free one and binding it another process may take it.
func start(dir string, args []string) (p *Process, err error) {
	for range startTries {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		p = &Process{Addr: "127.0.0.1:" + port, args: args, dir: dir, port: port}
		if err = p.run(); err == nil {
			return p, nil
		}
		if !errors.Is(err, errExited) {
			return nil, err
		}
	}
	return nil, err
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

func (p *Process) run() error {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redis-server is not installed: run `make test`, which installs it, or apt-get install redis-server")
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	p.cmd = exec.Command(path, p.commandLine()...)
	p.cmd.Stdout, p.cmd.SysProcAttr = write, dieWithParent()
	err = p.cmd.Start()
	write.Close()
	if err != nil {
		p.cmd = nil
		return err
	}
	p.PID = p.cmd.Process.Pid
	if err := awaitReady(read); err != nil {
		p.kill()
		return err
	}
	return nil
}

func (p *Process) commandLine() []string {
	line := []string{"--port", p.port, "--bind", "127.0.0.1", "--dir", p.dir, "--save", "", "--appendonly", "no", "--logfile", ""}
	line = append(line, p.args...)
	if slices.Contains(p.args, "--tls-port") {
		line = append(line, "--port", "0", "--tls-port", p.port)
	}
	return line
}

// awaitReady reads the server's own log until it says that it has loaded its data and listens. Unlike a PING this
// can not be answered by another server that took the port, and works with passwords and TLS. Nobody reads the log
// afterwards: redis-server does not mind, and there is no goroutine for goleak to find.
func awaitReady(log *os.File) error {
	log.SetReadDeadline(time.Now().Add(startBound))
	last := ""
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if strings.Contains(lines.Text(), readyLine) {
			return nil
		}
		last = lines.Text()
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("redis-server is not ready after %v: %w (it said: %s)", startBound, err, last)
	}
	return fmt.Errorf("%w (it said: %s)", errExited, last)
}
