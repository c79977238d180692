package redistest

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

// M wraps a testing.M so that its Run also stops the shared server. It fits goleak.VerifyTestMain.
type M struct{ *testing.M }

// Run runs the tests, stops the shared server and returns the exit code of the tests.
func (m M) Run() int { return Main(m.M) }

// Main runs the tests, stops the shared server if one was started, and returns the tests' exit code.
func Main(m *testing.M) int {
	shared.begin()
	defer shared.end()
	return m.Run()
}

// Server returns the address of the binary's real server, started at the first call and flushed at every call.
func Server(t testing.TB) string {
	t.Helper()
	addr, err := shared.addr()
	if err != nil {
		t.Fatal(err)
	}
	flush(t, addr)
	return addr
}

var shared sharedServer

// sharedServer starts at most one process for a test binary.
type sharedServer struct {
	mu      sync.Mutex
	inMain  bool
	process *Process
	err     error
}

func (s *sharedServer) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inMain = true
}

func (s *sharedServer) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	s.process.kill()
	os.RemoveAll(s.process.dir)
	s.process = nil
}

func (s *sharedServer) addr() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.inMain {
		return "", fmt.Errorf("the shared Redis has nobody to stop it: call redistest.Main from this package's TestMain")
	}
	if s.process == nil && s.err == nil {
		s.process, s.err = startShared()
	}
	if s.err != nil {
		return "", s.err
	}
	return s.process.Addr, nil
}

func startShared() (*Process, error) {
	dir, err := os.MkdirTemp("", "redistest-")
	if err != nil {
		return nil, err
	}
	p := &Process{dir: dir, ready: []string{readyLine}}
	if err := p.start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return p, nil
}
