package fleet_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/redistest"
)

var ctx = context.Background()

// program is the binary under test, built by TestMain.
var program string

// full is whether tests run at full size, one after the other.
var full = os.Getenv("HPPLINK_FLEET") == "full"

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fleet-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "hpplink")
	if err := compile("../..", program); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return redistest.Main(m)
}

// compile builds the program of a tree.
func compile(tree, to string) error {
	cmd := exec.Command("go", "build", "-o", to, "./cmd/hpplink")
	cmd.Dir = tree
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return nil
}

// sized returns what is meant for full size, or for small.
func sized[T any](small, big T) T {
	if full {
		return big
	}
	return small
}

// together lets small tests, which mostly wait, run side by side.
func together(t *testing.T) {
	if !full {
		t.Parallel()
	}
}

// patience is how long is waited at most for what has to come.
const patience = 60 * time.Second

// eventually asks again and again until f is content, or fails the test.
func eventually(t *testing.T, what string, within time.Duration, f func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("waited %v for %s: %v", within, what, err)
}
