package fleet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// process is a running hpplink. It ends with the test, whatever happens.
type process struct {
	name   string
	cmd    *exec.Cmd
	listen string        // address of its HTTP
	log    string        // file with all that it printed
	exited chan struct{} // closed once it is gone
	err    error         // how it ended; valid then
}

// spawn starts a binary as `hpplink run`.
func spawn(t *testing.T, binary, name string, env []string) *process {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), name+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := &process{name: name, cmd: exec.Command(binary, "run"), listen: freeAddress(t), log: log.Name(), exited: make(chan struct{})}
	p.cmd.Env = append(append(os.Environ(), env...), "HPPLINK_LISTEN="+p.listen)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = log, log, dieWithParent()
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
			t.Logf("%s:\n%s", p.name, p.tail())
		}
	})
	return p
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

func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

// stopBound is how long a process may take to end after SIGTERM: longer than a worker's longest call.
const stopBound = 40 * time.Second

// stop asks it to end by SIGTERM, which it must do without an error, and returns how long that took.
func (p *process) stop(t *testing.T) time.Duration {
	t.Helper()
	begun := time.Now()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		if p.err != nil {
			t.Errorf("%s, after SIGTERM: %v", p.name, p.err)
		}
	case <-time.After(stopBound):
		t.Errorf("%s is still there %v after SIGTERM", p.name, stopBound)
		p.kill()
	}
	return time.Since(begun)
}

// ready says why a process does not work yet.
func (p *process) ready() error {
	select {
	case <-p.exited:
		return fmt.Errorf("%s ended: %v\n%s", p.name, p.err, p.tail())
	default:
	}
	_, err := p.get("/readyz")
	return err
}

func (p *process) get(path string) ([]byte, error) {
	res, err := http.Get("http://" + p.listen + path)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, body)
	}
	return body, err
}

var settledLine = regexp.MustCompile(`(?m)^hpplink_orders_settled_total\{[^}]*outcome="issued"[^}]*\} (\S+)$`)

// issued is how many links a process has published, as it says itself.
func (p *process) issued(t *testing.T) (n int) {
	t.Helper()
	text, err := p.get("/metrics")
	if err != nil {
		t.Errorf("metrics of %s: %v", p.name, err)
	}
	for _, m := range settledLine.FindAllSubmatch(text, -1) {
		value, bad := strconv.ParseFloat(string(m[1]), 64)
		n, err = n+int(value), errors.Join(err, bad)
	}
	if err != nil {
		t.Errorf("metrics of %s: %v", p.name, err)
	}
	return n
}

const tailBytes = 3000

func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(bytes.ToValidUTF8(b[max(0, len(b)-tailBytes):], []byte("?")))
}
