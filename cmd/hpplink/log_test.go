package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/redistest"
)

// logged runs hpplink with its log in a file, and returns what reads the messages so far, each with its level.
func logged(t *testing.T, env []string, args ...string) (*exec.Cmd, func() []string) {
	t.Helper()
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command("hpplink", args...)
	cmd.Env = append(append(os.Environ(), env...), "HPPLINK_LOG=json", "HPPLINK_LOG_LEVEL=info")
	cmd.Stderr = file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, func() (all []string) {
		text, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for text := range strings.Lines(string(text)) {
			var line struct{ Level, Msg string }
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				return all // the last one is half there
			}
			all = append(all, line.Level+" "+line.Msg)
		}
		return all
	}
}

func awaitMessage(t *testing.T, read func() []string, want string) {
	t.Helper()
	if err := eventually(want, func() error {
		if all := read(); !slices.ContainsFunc(all, func(m string) bool { return strings.HasPrefix(m, want) }) {
			return fmt.Errorf("%q", all)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestRegressionOutageFilledTheLog: a worker wrote seven lines a second while Redis was away, and none when it was back.
func TestRegressionOutageFilledTheLog(t *testing.T) {
	t.Parallel()
	server := redistest.StartServer(t, "--appendonly", "yes")
	s := &system{redisURL: "redis://" + server.Addr + "/0", gateway: "127.0.0.1:1"}
	worker, read := logged(t, s.workerEnv(), "run")
	awaitMessage(t, read, "INFO working")
	awaitMessage(t, read, "INFO merchant")
	before := len(read())
	server.Kill()
	awaitMessage(t, read, "ERROR Redis does not answer")
	time.Sleep(3 * time.Second) // in which everything fails again and again
	server.Restart(t)
	awaitMessage(t, read, "INFO Redis answers again")
	worker.Process.Signal(syscall.SIGTERM)
	if err := worker.Wait(); err != nil {
		t.Error(err)
	}
	said := read()[before:]
	loud := slices.DeleteFunc(slices.Clone(said), func(m string) bool { return strings.HasPrefix(m, "INFO") })
	if len(loud) != 1 || len(said) > 6 {
		t.Errorf("while Redis was away and came back:\n%s", strings.Join(said, "\n"))
	}
}
