package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSecondSignalEndsAtOnce: an operator who does not want to wait loses nothing by it.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := startSystem(t, 1, "--latency", "3s")
	impatient := exec.Command("hpplink", "run")
	impatient.Env = append(os.Environ(), s.workerEnv()...)
	if err := impatient.Start(); err != nil {
		t.Fatal(err)
	}
	const n = 90
	s.produce(t, n, 1)
	if err := eventually("calls in flight", func() error {
		c, err := s.base.Ledger.Counts(t.Context())
		if sending := c.Sending["interactive"]; err == nil && sending < n-5 {
			err = fmt.Errorf("%d so far", sending)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	impatient.Process.Signal(syscall.SIGTERM)
	<-time.After(300 * time.Millisecond) // as a person would
	impatient.Process.Signal(syscall.SIGTERM)
	err := impatient.Wait()
	var exit *exec.ExitError
	if took := time.Since(begun); took > 2*time.Second || !errors.As(err, &exit) {
		t.Errorf("it took %v to end: %v", took, err)
	}
	if got := len(s.drain(t, n)); got != n {
		t.Errorf("%d results, want %d", got, n)
	}
}

// TestRegressionStoppedWhileStarting: a worker that was asked to end while it still waited for Redis said that Redis does not
// answer, and ended with exit code 3.
func TestRegressionStoppedWhileStarting(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	var said bytes.Buffer
	cmd := exec.Command("hpplink", "run")
	cmd.Env = append(os.Environ(), "HPPLINK_REDIS=redis://"+silent.Addr().String(), "HPPLINK_LISTEN=127.0.0.1:0",
		"HPPLINK_GATEWAY_URL=http://127.0.0.1:9/api/v1", "HPPLINK_MERCHANT_ID=M-1", "HPPLINK_API_KEY=k", "HPPLINK_X_API_KEY=x")
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil || !strings.Contains(said.String(), "asked to end before it had begun") {
		t.Errorf("it ends with %v, and says\n%s", err, said.String())
	}
}
