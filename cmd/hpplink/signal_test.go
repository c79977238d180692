package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestSecondSignalEndsAtOnce: an operator who does not want to wait loses nothing by it.
func TestSecondSignalEndsAtOnce(t *testing.T) {
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
